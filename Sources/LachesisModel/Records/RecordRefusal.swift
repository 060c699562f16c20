/// Why a record cannot be stored.
package struct RecordRefusal: Error, Equatable, Sendable, CustomStringConvertible {
    package enum Kind: Sendable {
        /// Not a message of the kind that is expected at all.
        case unsupported
        /// Not a well-formed msgpack map of scalars with string keys.
        case malformed
        /// Well-formed, but against a rule: a wrong type for its column, a reserved key, a limit.
        case inadmissible
    }

    package let kind: Kind
    /// The key at fault, where one is.
    package let key: String?
    package let reason: String

    package init(_ kind: Kind, key: String? = nil, _ reason: String) {
        (self.kind, self.key, self.reason) = (kind, key, reason)
    }

    package var description: String { key.map { "key '\($0)': \(reason)" } ?? reason }
}
