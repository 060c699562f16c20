internal import GRDB

/// Rows of given sequences, in the given order.
struct ListQuery: RowQuery {
    private let selection: String
    private let sequences: [Int64]
    private var next = 0

    init(_ table: RowTable, _ columns: SelectedColumns, _ sequences: [Int64]) {
        selection = columns.selection(from: table)
        self.sequences = sequences
    }

    var isAtEnd: Bool { next == sequences.count }

    mutating func fill(_ page: inout PageBuilder, _ database: Database) throws {
        let statement = try RawStatement(database, "\(selection) WHERE \(SQLName.sequence) = ?1")
        defer { statement.clear() }
        while !isAtEnd, !page.isFull {
            try statement.bind(sequences[next], at: 1)
            if try statement.step() { page.append(statement) }
            statement.clear()
            next += 1
        }
    }
}
