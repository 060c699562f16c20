internal import GRDB

/// Inserts rows into one table, several by one statement where there are many: what SQLite does for each statement is then done
/// once for all of them, which saves a third of a row's time.
struct RowInsertion {
    /// Rows of one statement.
    private static let several = 8
    /// Fewer rows are not worth compiling a statement that nobody keeps.
    private static let many = 64

    private let transaction: WriteTransaction
    private let verb: String
    private let table: String
    /// All but `lachesis_sequence`, which comes first.
    private let columns: [String]

    /// - Parameter verb: `INSERT` or what else may stand before `INTO`.
    init(_ transaction: WriteTransaction, _ verb: String, into table: String, columns: [String]) {
        (self.transaction, self.verb, self.table, self.columns) = (transaction, verb, table, columns)
    }

    /// Inserts so many rows, in order.
    /// - Parameter bind: binds the values of a row, counted from 0, to the statement's parameters from `first` on.
    func insert(
        _ count: Int, bind: (_ row: Int, _ statement: RawStatement, _ first: CInt) throws -> Void
    ) throws {
        var row = 0
        if count >= Self.many {
            let statement = try RawStatement(
                transaction.database,
                StatementCache.text(verb, into: table, columns: columns, rows: Self.several))
            while count - row >= Self.several {
                for place in 0..<Self.several {
                    try bind(row + place, statement, CInt(1 + place * (columns.count + 1)))
                }
                try statement.run()
                row += Self.several
            }
        }
        guard row < count else { return }
        let statement = try transaction.statements.statement(
            transaction.database, verb, into: table, columns: columns)
        defer { statement.clear() }
        while row < count {
            try bind(row, statement, 1)
            try statement.run()
            row += 1
        }
    }
}
