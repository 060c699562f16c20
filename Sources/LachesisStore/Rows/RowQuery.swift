internal import GRDB

/// Gives rows of a table page by page, each page from a read of its own; it knows itself where it has got to.
protocol RowQuery: Sendable {
    /// Whether there can be no further row.
    var isAtEnd: Bool { get }

    /// Appends the next rows until the page is full, or until it was busy for so long that the snapshot should be let go.
    mutating func fill(_ page: inout PageBuilder, _ database: Database) throws
}
