/// Why a record cannot be stored.
package struct RecordRefusal: Error, Equatable, Sendable, CustomStringConvertible {
    package enum Kind: Sendable {
        /// Not a message of the kind that is expected at all.
        case unsupported
        /// Not a well-formed msgpack map of scalars with string keys.
        case malformed
        /// Well-formed, but against a rule: a wrong type for its column, a reserved key, a limit.
        case inadmissible
        /// More records at once than one request may have.
        case tooMany
    }

    package let kind: Kind
    /// The key at fault, where one is.
    package let key: String?
    package let reason: String

    package init(_ kind: Kind, key: String? = nil, _ reason: String) {
        (self.kind, self.key, self.reason) = (kind, key, reason)
    }

    /// What a list of more records than are allowed gets.
    package static func tooMany(_ limits: Limits) -> RecordRefusal {
        RecordRefusal(.tooMany, "there are more than the \(limits.uploadRecords) records that one request may have")
    }

    package var description: String { key.map { "key '\($0)': \(reason)" } ?? reason }
}

/// A record among others that cannot be stored, so that the others are not stored either.
package struct RefusedRecord: Error, Equatable, Sendable, CustomStringConvertible {
    /// Counted from 1; nil if it is none of them that is at fault, but what holds them.
    package let number: Int?
    package let refusal: RecordRefusal

    package init(number: Int?, refusal: RecordRefusal) { (self.number, self.refusal) = (number, refusal) }

    package var description: String { number.map { "record \($0): \(refusal)" } ?? refusal.description }
}
