/// A JSON value, as exact as it was written: booleans are no numbers, and integers are no floats.
package enum JSONTree: Sendable {
    case null
    case bool(Bool)
    case integer(Int64)
    /// An integer beyond 64 bits, as the nearest double.
    case hugeInteger(Double)
    /// A number with a fraction or an exponent; infinite if it is beyond the doubles.
    case real(Double)
    case string(String)
    case array([JSONTree])
    /// In the order of the text; a key may occur more than once.
    case object([(key: String, value: JSONTree)])

    /// The value of the last member with this key; nil if there is none, or if the value is no object.
    package subscript(key: String) -> JSONTree? {
        guard case .object(let members) = self else { return nil }
        return members.last { $0.key == key }?.value
    }
}

/// Where a text stops being JSON, and why.
package struct JSONSyntaxError: Error {
    package let reason: String
    /// Counted from 1.
    package let line: Int
    /// Bytes, counted from 1.
    package let column: Int
}
