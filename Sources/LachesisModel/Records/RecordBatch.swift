/// The keys of a record in the order in which they came; shared by all records that look alike.
package final class RecordLayout: Sendable {
    package let keys: [String]

    package init(keys: [String]) { self.keys = keys }
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
