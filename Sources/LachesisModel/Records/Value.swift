/// One value of a record, as exact as it arrived.
package enum Value: Hashable, Sendable {
    /// Missing, None, NaN or infinite.
    case null
    case integer(Int64)
    case real(Double)
    case text(String)

    /// The value as a double, exactly; nil for text, null, and integers beyond 2⁵³ that no double equals.
    package var exactDouble: Double? {
        switch self {
        case .real(let value): value
        case .integer(let value): Double(exactly: value)
        case .null, .text: nil
        }
    }
}

/// What a column holds; `rawValue` is the word that `/db/stats` reports and the type that the SQL column is declared with.
package enum ColumnType: String, Sendable, Codable {
    /// 64-bit signed.
    case integer = "INTEGER"
    /// IEEE 754 binary64.
    case float = "FLOAT"
    /// UTF-8.
    case text = "VARCHAR"
}
