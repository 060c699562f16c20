/// The keys of a record in the order in which they came; shared by all records that look alike.
package final class RecordLayout: Sendable {
    package let keys: [String]

    package init(keys: [String]) { self.keys = keys }

    /// Takes keys that somebody sent.
    /// - Throws: `RecordRefusal` that names the key at fault: one that is empty, too long, the server's own, or there twice, be
    ///   it in another case of ASCII letters.
    package convenience init(checking keys: [String], _ limits: Limits) throws(RecordRefusal) {
        var seen: Set<String> = []
        for key in keys {
            guard !key.isEmpty, key.utf8.count <= limits.keyBytes, !key.utf8.contains(0) else {
                throw RecordRefusal(
                    .inadmissible, key: String(key.prefix(40)),
                    "keys have 1 to \(limits.keyBytes) bytes, none of them NUL")
            }
            let folded = asciiLowercased(key)
            guard !folded.hasPrefix("lachesis_") else {
                throw RecordRefusal(
                    .inadmissible, key: key, "keys that begin with 'lachesis_' belong to the server")
            }
            guard seen.insert(folded).inserted else {
                throw RecordRefusal(.inadmissible, key: key, "stands in the record twice")
            }
        }
        self.init(keys: keys)
    }
}

/// Records in arrival order, stored flat: consecutive records with the same keys form one run.
package struct RecordBatch: Sendable {
    package struct Run: Sendable {
        package let layout: RecordLayout
        /// `[record, key]`, row-major, in the layout's order.
        package fileprivate(set) var values: [Value] = []
        /// When each record was received. Unix seconds.
        package fileprivate(set) var received: [Double] = []
    }

    package private(set) var runs: [Run] = []
    package private(set) var count = 0

    package init() {}

    package var isEmpty: Bool { count == 0 }

    /// Appends one record.
    /// - Parameter values: one value a key of `layout`, in its order.
    package mutating func append(_ values: some Collection<Value>, layout: RecordLayout, received: Double) {
        precondition(values.count == layout.keys.count)
        if runs.last?.layout !== layout { runs.append(Run(layout: layout)) }
        runs[runs.count - 1].values.append(contentsOf: values)
        runs[runs.count - 1].received.append(received)
        count += 1
    }
}
