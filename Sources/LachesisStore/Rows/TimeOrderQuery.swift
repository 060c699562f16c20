internal import GRDB
internal import LachesisModel

/// Rows by (`test_time`, sequence), found through the index on `test_time` from any place on.
struct TimeOrderQuery: RowQuery {
    /// Where a page begins.
    private enum Position {
        /// At the first row.
        case start
        /// So many rows before the end.
        case newest(Int)
        /// Behind this sequence among the rows of this `test_time` (nil: those without one), then at later times.
        case behind(time: Double?, sequence: Int64)
        /// Nowhere.
        case end
    }

    private let table: RowTable
    private let bounds: RowSelection
    private let selection: String
    private var position: Position

    init(_ table: RowTable, _ columns: SelectedColumns, _ bounds: RowSelection) {
        (self.table, self.bounds) = (table, bounds)
        selection = columns.selection(from: table)
        position = bounds.limit.map { .newest($0) } ?? .start
        let isEmpty = table.lastSequence == 0 || (bounds.isTimeBounded && table.timePosition == nil)
        if isEmpty { position = .end }
    }

    var isAtEnd: Bool {
        if case .end = position { true } else { false }
    }

    mutating func fill(_ page: inout PageBuilder, _ database: Database) throws {
        if case .newest(let count) = position {
            let place = try TimePlace(of: count, fromEndOf: table, bounds, database)
            position = place.map { .behind(time: $0.time, sequence: $0.sequence - 1) } ?? .start
        }
        switch position {
        case .end, .newest: return
        case .start where bounds.isTimeBounded:
            try readTimes(database, from: bounds.start ?? -.infinity, inclusive: true, into: &page)
        case .start:
            try readEqualTimes(database, nil, behind: 0, into: &page)
            try readTimes(database, from: -.infinity, inclusive: true, into: &page)
        case .behind(let time, let sequence):
            try readEqualTimes(database, time, behind: sequence, into: &page)
            try readTimes(database, from: time ?? -.infinity, inclusive: time == nil, into: &page)
        }
        let time = page.lastTime.isNaN ? nil : page.lastTime
        position = page.isFull ? .behind(time: time, sequence: page.lastSequence) : .end
    }

    // MARK: Statements

    /// The rows of one time, in order of arrival. A condition of its own, so that thousands of records with equal times
    /// are not walked through again for each page.
    private func readEqualTimes(
        _ database: Database, _ time: Double?, behind sequence: Int64, into page: inout PageBuilder
    ) throws {
        try read(
            database, "\(table.time) IS ?1 AND \(SQLName.sequence) > ?2 AND \(SQLName.sequence) <= ?3",
            order: SQLName.sequence, into: &page
        ) { statement in
            if let time { try statement.bind(time, at: 1) } else { try statement.bind(Value.null, at: 1) }
            try statement.bind(sequence, at: 2)
            try statement.bind(table.lastSequence, at: 3)
        }
    }

    private func readTimes(
        _ database: Database, from time: Double, inclusive: Bool, into page: inout PageBuilder
    ) throws {
        guard table.timePosition != nil else { return }
        try read(
            database,
            "\(table.time) \(inclusive ? ">=" : ">") ?1 AND \(table.time) <= ?2 AND +\(SQLName.sequence) <= ?3",
            order: "\(table.time), \(SQLName.sequence)", into: &page
        ) { statement in
            try statement.bind(time, at: 1)
            try statement.bind(bounds.end ?? .infinity, at: 2)
            try statement.bind(table.lastSequence, at: 3)
        }
    }

    private func read(
        _ database: Database, _ condition: String, order: String, into page: inout PageBuilder,
        bind: (RawStatement) throws -> Void
    ) throws {
        guard !page.isFull else { return }
        let statement = try RawStatement(database, "\(selection) WHERE \(condition) ORDER BY \(order) LIMIT ?4")
        defer { statement.clear() }
        try bind(statement)
        try statement.bind(Int64(page.freeRows), at: 4)
        try page.appendAll(statement)
    }
}
