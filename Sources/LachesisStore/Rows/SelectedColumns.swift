internal import LachesisModel

/// The columns that are read of each row.
struct SelectedColumns: Sendable {
    /// What a row's first column is called if it is the sequence.
    static let sequenceName = "sequence"

    let hasSequence: Bool
    /// Beside the sequence.
    let stored: [RowTable.Column]
    /// As they are told to whoever reads, the sequence first. A stored column that is called as it is gets another name.
    let told: [TableSchema.Column]

    /// - Throws: `StoreError` `.unknownColumn` if a name is none of the table's columns. `sequence` always is one.
    init(_ selection: RowSelection, of table: RowTable) throws(StoreError) {
        var (stored, hasSequence) = (table.columns, selection.hasSequence)
        if let names = selection.columns {
            stored = []
            for name in names where !stored.contains(where: { $0.name == name }) {
                if let column = table.columns.first(where: { $0.name == name }) {
                    stored.append(column)
                } else if name == Self.sequenceName {
                    hasSequence = true
                } else {
                    throw StoreError(.unknownColumn, "there is no column '\(name)'")
                }
            }
        }
        (self.stored, self.hasSequence) = (stored, hasSequence)
        let names = Set(table.columns.map(\.name))
        let told = stored.map { column in
            let isTaken = hasSequence && column.name == Self.sequenceName
            return TableSchema.Column(name: isTaken ? Self.other(names) : column.name, type: column.type)
        }
        self.told = hasSequence ? [TableSchema.Column(name: Self.sequenceName, type: .integer)] + told : told
    }

    /// A name for a stored column that is called as the sequence is, and as no other is.
    private static func other(_ names: Set<String>) -> String {
        var number = 2
        while names.contains("\(sequenceName)_\(number)") { number += 1 }
        return "\(sequenceName)_\(number)"
    }

    /// Begins a statement over a table: the sequence, the time, then the stored columns.
    func selection(from table: RowTable) -> String {
        let names = [SQLName.sequence, table.time] + stored.map { quoted($0.name) }
        return "SELECT \(names.joined(separator: ", ")) FROM \(quoted(table.name))"
    }
}
