/// The columns of one battery's table, and the rules by which values enter them.
///
/// A column takes the type of its first value, with two corrections: columns that battery-data-toolkit knows take its type, and
/// an INTEGER column becomes FLOAT at its first fraction. Nothing is rounded: a value that its column cannot hold exactly is
/// refused. Keys that differ in the case of ASCII letters alone would be one SQL column, so the second is refused; keys that
/// differ in Unicode's normal form alone are one key, as Swift compares strings.
///
/// A refusal leaves a half-changed schema behind: work on a copy, and keep the copy once a whole record is admitted.
package struct TableSchema: Sendable {
    package struct Column: Sendable, Equatable {
        package let name: String
        package fileprivate(set) var type: ColumnType
        /// True until a value decides the type: all values so far were null. Reported as FLOAT.
        package fileprivate(set) var isProvisional: Bool

        package init(name: String, type: ColumnType, isProvisional: Bool = false) {
            (self.name, self.type, self.isProvisional) = (name, type, isProvisional)
        }
    }

    /// In order of appearance; `received` is not among them.
    package private(set) var columns: [Column]
    /// Counts the changes since this value was made: a copy whose revision is the original's has the original's columns.
    package private(set) var revision = 0
    private var positions: [String: Int]
    private let limit: Int

    /// - Parameter limit: how many columns at most. A key that would add one more is refused.
    package init(columns: [Column] = [], limit: Int) {
        self.columns = columns
        self.limit = limit
        positions = Dictionary(columns.enumerated().map { (asciiLowercased($1.name), $0) }) { first, _ in first }
    }

    /// Whether a column of exactly this name exists.
    package func contains(_ name: String) -> Bool { column(named: name) != nil }

    /// The column of exactly this name.
    package func column(named name: String) -> Column? {
        guard let position = positions[asciiLowercased(name)], columns[position].name == name else { return nil }
        return columns[position]
    }

    /// The position of the column that `key` names, added if it is new; nil for `received`, which the server fills in itself.
    ///
    /// A new column's type is open until `admit` sees its first value.
    /// - Throws: `RecordRefusal` if the key clashes with a column, or if there are as many columns as are allowed.
    package mutating func position(of key: String) throws(RecordRefusal) -> Int? {
        let folded = asciiLowercased(key)
        if let position = positions[folded] {
            guard columns[position].name == key else { throw clash(of: key, with: columns[position].name) }
            return position
        }
        if folded == KnownColumns.received {
            guard key == KnownColumns.received else { throw clash(of: key, with: KnownColumns.received) }
            return nil
        }
        guard columns.count < limit else {
            throw RecordRefusal(.inadmissible, key: key, "would be column \(limit + 1); at most \(limit) are allowed")
        }
        let known = KnownColumns.type(of: key)
        columns.append(Column(name: key, type: known ?? .float, isProvisional: known == nil))
        positions[folded] = columns.count - 1
        revision += 1
        return columns.count - 1
    }

    /// The value as the column at `position` stores it; may decide or widen the column's type.
    /// - Throws: `RecordRefusal` if the column cannot hold the value exactly.
    package mutating func admit(_ value: Value, at position: Int) throws(RecordRefusal) -> Value {
        switch (value, columns[position].type) {
        case (.null, _):
            return .null
        case (.real, .float), (.text, .text), (.integer, .integer):
            if columns[position].isProvisional { decide(columns[position].type, at: position) }
            return value
        default:
            return try convert(value, at: position)
        }
    }

    private mutating func convert(_ value: Value, at position: Int) throws(RecordRefusal) -> Value {
        let column = columns[position]
        switch (value, column.type) {
        case (.integer, _) where column.isProvisional:
            decide(.integer, at: position)
            return value
        case (.text, _) where column.isProvisional:
            decide(.text, at: position)
            return value
        case (.integer(let integer), .float):
            guard let real = value.exactDouble else {
                throw RecordRefusal(
                    .inadmissible, key: column.name,
                    "the integer \(integer) has no exact 64-bit float, and the column is FLOAT")
            }
            return .real(real)
        case (.real(let real), .integer):
            // Minus zero has no integer of its own, so it counts as a fraction.
            if let integer = Int64(exactly: real), integer != 0 || real.sign == .plus { return .integer(integer) }
            decide(.float, at: position)
            return value
        case (.text, _):
            throw RecordRefusal(.inadmissible, key: column.name, "is text, but the column is \(column.type.rawValue)")
        default:
            throw RecordRefusal(.inadmissible, key: column.name, "is a number, but the column is VARCHAR")
        }
    }

    private mutating func decide(_ type: ColumnType, at position: Int) {
        columns[position].type = type
        columns[position].isProvisional = false
        revision += 1
    }

    private func clash(of key: String, with name: String) -> RecordRefusal {
        RecordRefusal(.inadmissible, key: key, "differs from the column '\(name)' in upper and lower case alone")
    }
}
