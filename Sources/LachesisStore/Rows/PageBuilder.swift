internal import LachesisModel

/// Gathers rows of a statement that `SelectedColumns` began, until there are as many, or as large ones, as a page may hold.
struct PageBuilder {
    let columns: SelectedColumns
    let rows: Int
    let bytes: Int
    /// `[row, column]`, row-major.
    private(set) var values: [Value] = []
    private(set) var rowCount = 0
    private(set) var lastSequence: Int64 = 0
    /// NaN if the last row has none.
    private(set) var lastTime = Double.nan
    private var byteCount = 0

    /// - Parameters:
    ///   - rows: how many a page has at most.
    ///   - bytes: how much text makes a page full.
    init(columns: SelectedColumns, rows: Int, bytes: Int) {
        (self.columns, self.rows, self.bytes) = (columns, rows, bytes)
    }

    var isFull: Bool { rowCount >= rows || byteCount > bytes }
    var freeRows: Int { rows - rowCount }

    /// Takes the row that the statement is at.
    mutating func append(_ statement: RawStatement) {
        (lastSequence, lastTime) = (statement.integer(at: 0), statement.number(at: 1))
        if columns.hasSequence { values.append(.integer(lastSequence)) }
        for (index, column) in columns.stored.enumerated() {
            let value = statement.value(at: CInt(index + 2), as: column.type)
            if case .text(let text) = value { byteCount += text.utf8.count }
            values.append(value)
        }
        rowCount += 1
    }

    /// Takes rows while the page has room.
    mutating func appendAll(_ statement: RawStatement) throws {
        while !isFull, try statement.step() { append(statement) }
    }
}
