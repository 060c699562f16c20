internal import GRDB
internal import LachesisModel

/// The SQL behind a `DataReader`: rows by (`test_time`, sequence), found through the index on `test_time` from any place on.
struct DataQuery: Sendable {
    /// Where a page begins.
    enum Position: Sendable, Equatable {
        /// At the first row.
        case start
        /// So many rows before the end.
        case newest(Int)
        /// Behind this sequence among the rows of this `test_time` (nil: those without one), then at later times.
        case behind(time: Double?, sequence: Int64)
        /// Nowhere.
        case end
    }

    /// The table's columns, then `received`.
    let columns: [TableSchema.Column]
    private let table: String
    private let start: Double?
    private let end: Double?
    /// Of the last record that belongs to the rows.
    private let lastSequence: Int64
    private let hasTime: Bool

    init(_ entry: BatteryEntry, start: Double?, end: Double?) {
        columns = entry.stats.columns
        table = quoted(entry.name.text)
        (self.start, self.end) = (start, end)
        lastSequence = entry.lastSequence
        hasTime = entry.schema.contains(KnownColumns.testTime)
    }

    private var isBounded: Bool { start != nil || end != nil }

    /// Whether there can be no rows.
    var isEmpty: Bool { lastSequence == 0 || (isBounded && !hasTime) }

    /// Without the column, all records are without a time.
    private var time: String { hasTime ? quoted(KnownColumns.testTime) : "NULL" }

    /// Up to so many rows, or fewer once their text exceeds so many bytes, row-major; and where the next page begins.
    func page(
        _ database: Database, at position: Position, rows: Int, bytes: Int
    ) throws -> (values: [Value], next: Position) {
        var page = Page(rows: rows, bytes: bytes)
        switch position {
        case .end: return ([], .end)
        case .newest(let count):
            guard let first = try self.position(database, fromEnd: count) else {
                return try self.page(database, at: .start, rows: rows, bytes: bytes)
            }
            return try self.page(database, at: first, rows: rows, bytes: bytes)
        case .start where isBounded:
            try readTimes(database, from: start ?? -.infinity, inclusive: true, into: &page)
        case .start:
            try readEqualTimes(database, nil, behind: 0, into: &page)
            try readTimes(database, from: -.infinity, inclusive: true, into: &page)
        case .behind(let time, let sequence):
            try readEqualTimes(database, time, behind: sequence, into: &page)
            try readTimes(database, from: time ?? -.infinity, inclusive: time == nil, into: &page)
        }
        return (page.values, page.isFull ? page.last : .end)
    }

    // MARK: Statements

    private struct Page {
        let rows: Int
        let bytes: Int
        var values: [Value] = []
        var last = Position.end
        var rowCount = 0
        var byteCount = 0

        var isFull: Bool { rowCount >= rows || byteCount > bytes }
    }

    /// The rows of one time, in order of arrival. A condition of its own, so that thousands of records with equal times
    /// are not walked through again for each page.
    private func readEqualTimes(_ database: Database, _ time: Double?, behind sequence: Int64, into page: inout Page)
        throws
    {
        try read(
            database, "\(self.time) IS ?1 AND \(SQLName.sequence) > ?2 AND \(SQLName.sequence) <= ?3",
            order: SQLName.sequence, into: &page
        ) { statement in
            if let time { try statement.bind(time, at: 1) } else { try statement.bind(Value.null, at: 1) }
            try statement.bind(sequence, at: 2)
            try statement.bind(lastSequence, at: 3)
        }
    }

    private func readTimes(_ database: Database, from time: Double, inclusive: Bool, into page: inout Page) throws {
        guard hasTime else { return }
        try read(
            database,
            "\(self.time) \(inclusive ? ">=" : ">") ?1 AND \(self.time) <= ?2 AND +\(SQLName.sequence) <= ?3",
            order: "\(self.time), \(SQLName.sequence)", into: &page
        ) { statement in
            try statement.bind(time, at: 1)
            try statement.bind(end ?? .infinity, at: 2)
            try statement.bind(lastSequence, at: 3)
        }
    }

    private func read(
        _ database: Database, _ condition: String, order: String, into page: inout Page,
        bind: (RawStatement) throws -> Void
    ) throws {
        guard !page.isFull else { return }
        let names = columns.map { quoted($0.name) }.joined(separator: ", ")
        let statement = try RawStatement(
            database,
            "SELECT \(SQLName.sequence), \(time), \(names) FROM \(table) WHERE \(condition) ORDER BY \(order) LIMIT ?4")
        defer { statement.clear() }
        try bind(statement)
        try statement.bind(Int64(page.rows - page.rowCount), at: 4)
        while !page.isFull, try statement.step() {
            for (index, column) in columns.enumerated() {
                let value = statement.value(at: CInt(index + 2), as: column.type)
                if case .text(let text) = value { page.byteCount += text.utf8.count }
                page.values.append(value)
            }
            let time = statement.number(at: 1)
            page.last = .behind(time: time.isNaN ? nil : time, sequence: statement.integer(at: 0))
            page.rowCount += 1
        }
    }

    /// The position from which on there are `count` rows; nil if there are no more than that.
    private func position(_ database: Database, fromEnd count: Int) throws -> Position? {
        var conditions = ["+\(SQLName.sequence) <= ?1"]
        if isBounded { conditions.append("\(time) >= ?3 AND \(time) <= ?4") }
        // Descending order puts rows without a time last, which is where they are from the end.
        let order = hasTime ? "\(time) DESC, \(SQLName.sequence) DESC" : "\(SQLName.sequence) DESC"
        let statement = try RawStatement(
            database,
            """
            SELECT \(SQLName.sequence), \(time) FROM \(table) WHERE \(conditions.joined(separator: " AND "))
            ORDER BY \(order) LIMIT 1 OFFSET ?2
            """)
        defer { statement.clear() }
        try statement.bind(lastSequence, at: 1)
        try statement.bind(Int64(count - 1), at: 2)
        if isBounded {
            try statement.bind(start ?? -.infinity, at: 3)
            try statement.bind(end ?? .infinity, at: 4)
        }
        guard try statement.step() else { return nil }
        let time = statement.number(at: 1)
        return .behind(time: time.isNaN ? nil : time, sequence: statement.integer(at: 0) - 1)
    }
}
