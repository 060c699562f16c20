/// Which rows of a battery's records or estimates are asked for, and what of them.
package struct RowSelection: Sendable {
    /// Names of columns in the order in which they are wanted; nil for all.
    package var columns: [String]?
    /// Whether each row begins with its sequence.
    package var hasSequence = false
    /// Least `test_time`, s, inclusive; nil for no bound. Rows without `test_time` are only among them if there is no bound at all.
    package var start: Double?
    /// Greatest `test_time`, s, inclusive; nil for no bound.
    package var end: Double?
    /// Only rows of greater sequences than this.
    package var after: Int64?
    /// Only rows of lesser sequences than this.
    package var before: Int64?
    /// Only so many of the rows, in the order in which they come: the last ones; with `after` the first ones. nil for all.
    package var limit: Int?
    /// Thinned to at most so many rows; nil for all rows.
    package var points: Int?
    /// Only rows from this place on in the order by time. With a time it needs `start` to be that time.
    var from: TimePlace?

    package init(start: Double? = nil, end: Double? = nil, limit: Int? = nil) {
        (self.start, self.end, self.limit) = (start, end, limit)
    }

    var isTimeBounded: Bool { start != nil || end != nil }

    /// Whether rows come by sequence where they would otherwise come by time: so that they can be read on from the last one.
    var isSequenceBounded: Bool { after != nil || before != nil }

    func contains(time: Double) -> Bool {
        !isTimeBounded || (time >= start ?? -.infinity && time <= end ?? .infinity)
    }
}
