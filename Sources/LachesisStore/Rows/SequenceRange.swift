internal import GRDB
internal import LachesisModel

/// Sequences behind `lower` up to and with `upper`.
struct SequenceRange: Sendable, Equatable {
    var lower: Int64
    var upper: Int64

    /// Those that the bounds leave of a table.
    init(_ bounds: RowSelection, of table: RowTable) {
        lower = max(0, bounds.after ?? 0)
        var upper = table.lastSequence
        if let before = bounds.before { upper = min(upper, before > 0 ? before - 1 : 0) }
        if bounds.isTimeBounded && table.timePosition == nil { upper = lower }
        self.upper = max(lower, upper)
    }

    init(lower: Int64, upper: Int64) { (self.lower, self.upper) = (lower, upper) }

    /// How many rows there are at most. Sequences are not negative: the difference of two is never too large.
    var span: Int64 { isEmpty ? 0 : upper - lower }
    var isEmpty: Bool { upper <= lower }

    func intersection(_ other: SequenceRange) -> SequenceRange {
        SequenceRange(lower: max(lower, other.lower), upper: min(upper, other.upper))
    }

    /// The part whose last rows are so many that are within the bounds.
    func newest(_ count: Int, _ bounds: RowSelection, of table: RowTable, _ database: Database) throws -> SequenceRange
    {
        guard count > 0 else { return SequenceRange(lower: upper, upper: upper) }
        if table.kind == .records, !bounds.isTimeBounded {
            // A battery's sequences have no gaps.
            return count < span ? SequenceRange(lower: upper - Int64(count), upper: upper) : self
        }
        let time = bounds.isTimeBounded ? " AND \(table.time) >= ?4 AND \(table.time) <= ?5" : ""
        let statement = try RawStatement(
            database,
            """
            SELECT \(SQLName.sequence) FROM \(quoted(table.name)) NOT INDEXED
            WHERE \(SQLName.sequence) > ?1 AND \(SQLName.sequence) <= ?2\(time)
            ORDER BY \(SQLName.sequence) DESC LIMIT 1 OFFSET ?3
            """)
        defer { statement.clear() }
        try statement.bind(lower, at: 1)
        try statement.bind(upper, at: 2)
        try statement.bind(Int64(count - 1), at: 3)
        if bounds.isTimeBounded {
            try statement.bind(bounds.start ?? -.infinity, at: 4)
            try statement.bind(bounds.end ?? .infinity, at: 5)
        }
        guard try statement.step() else { return self }
        return SequenceRange(lower: statement.integer(at: 0) - 1, upper: upper)
    }

    /// The part whose first rows are so many that are within the bounds.
    func oldest(_ count: Int, _ bounds: RowSelection, of table: RowTable, _ database: Database) throws -> SequenceRange
    {
        guard count > 0 else { return SequenceRange(lower: lower, upper: lower) }
        guard count < span else { return self }
        let statement = try statement(
            database, "SELECT \(SQLName.sequence) FROM \(quoted(table.name))", bounds, of: table, limit: 1,
            offset: Int64(count - 1))
        defer { statement.clear() }
        guard try statement.step() else { return self }
        return SequenceRange(lower: lower, upper: statement.integer(at: 0))
    }

    /// A statement's rows within range and bounds, by sequence, at most so many.
    /// - Parameter selection: of `SelectedColumns`.
    func statement(
        _ database: Database, _ selection: String, _ bounds: RowSelection, of table: RowTable, limit: Int64 = -1,
        offset: Int64 = 0
    ) throws -> RawStatement {
        // Those of earlier times are not within the bounds.
        let place = bounds.from == nil ? "" : " AND NOT (\(table.time) IS ?7 AND \(SQLName.sequence) < ?8)"
        // Not by the index on time: what it finds would have to be sorted by sequence again for each page.
        let time = bounds.isTimeBounded ? " AND \(table.time) >= ?4 AND \(table.time) <= ?5" : ""
        let statement = try RawStatement(
            database,
            """
            \(selection) NOT INDEXED WHERE \(SQLName.sequence) > ?1 AND \(SQLName.sequence) <= ?2\(time)\(place)
            ORDER BY \(SQLName.sequence) LIMIT ?3 OFFSET ?6
            """)
        try statement.bind(lower, at: 1)
        try statement.bind(upper, at: 2)
        try statement.bind(limit, at: 3)
        if bounds.isTimeBounded {
            try statement.bind(bounds.start ?? -.infinity, at: 4)
            try statement.bind(bounds.end ?? .infinity, at: 5)
        }
        try statement.bind(offset, at: 6)
        if let from = bounds.from {
            if let time = from.time { try statement.bind(time, at: 7) } else { try statement.bind(Value.null, at: 7) }
            try statement.bind(from.sequence, at: 8)
        }
        return statement
    }
}
