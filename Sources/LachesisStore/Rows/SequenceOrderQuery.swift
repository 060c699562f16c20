internal import GRDB

/// Rows by sequence.
struct SequenceOrderQuery: RowQuery {
    private let table: RowTable
    private let bounds: RowSelection
    private let selection: String
    private var range: SequenceRange
    /// Whether the range is still as the bounds have it, and not as their times and limit have it.
    private var isWide: Bool

    init(_ table: RowTable, _ columns: SelectedColumns, _ bounds: RowSelection) {
        (self.table, self.bounds) = (table, bounds)
        selection = columns.selection(from: table)
        range = SequenceRange(bounds, of: table)
        isWide = true
    }

    var isAtEnd: Bool { range.isEmpty }

    mutating func fill(_ page: inout PageBuilder, _ database: Database) throws {
        if isWide {
            range = try SummaryReader(database, table).narrowed(range, to: bounds)
            if let limit = bounds.limit, bounds.after == nil {
                range = try range.newest(limit, bounds, of: table, database)
            }
            isWide = false
            if range.isEmpty { return }
        }
        let statement = try range.statement(database, selection, bounds, of: table, limit: Int64(page.freeRows))
        defer { statement.clear() }
        try page.appendAll(statement)
        range.lower = page.isFull ? page.lastSequence : range.upper
    }
}
