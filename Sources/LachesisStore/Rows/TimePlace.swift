internal import GRDB

/// A place in the order by (`test_time`, sequence), in which rows without a time come first.
struct TimePlace: Sendable {
    /// s; nil for a row without one.
    let time: Double?
    let sequence: Int64

    /// The place of the row from which on there are `count` rows within the bounds of time; nil if there are no more than that.
    /// - Parameter count: from 1.
    init?(of count: Int, fromEndOf table: RowTable, _ bounds: RowSelection, _ database: Database) throws {
        var conditions = ["+\(SQLName.sequence) <= ?1"]
        if bounds.isTimeBounded { conditions.append("\(table.time) >= ?3 AND \(table.time) <= ?4") }
        // Descending order puts rows without a time last, which is where they are from the end.
        let byTime = table.timePosition == nil ? "" : "\(table.time) DESC, "
        let statement = try RawStatement(
            database,
            """
            SELECT \(SQLName.sequence), \(table.time) FROM \(quoted(table.name))
            WHERE \(conditions.joined(separator: " AND "))
            ORDER BY \(byTime)\(SQLName.sequence) DESC LIMIT 1 OFFSET ?2
            """)
        defer { statement.clear() }
        try statement.bind(table.lastSequence, at: 1)
        try statement.bind(Int64(count - 1), at: 2)
        if bounds.isTimeBounded {
            try statement.bind(bounds.start ?? -.infinity, at: 3)
            try statement.bind(bounds.end ?? .infinity, at: 4)
        }
        guard try statement.step() else { return nil }
        let time = statement.number(at: 1)
        (self.time, sequence) = (time.isNaN ? nil : time, statement.integer(at: 0))
    }
}
