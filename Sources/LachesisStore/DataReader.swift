internal import GRDB
package import LachesisModel

/// Reads the rows of a battery's table by `test_time`, page by page, each page with a query of its own.
///
/// It reads what was stored when it was made, however long that takes: records that come later are not among the rows, and no
/// transaction stays open meanwhile. Memory is bounded by a page: 1,000 rows, fewer if they hold more than 1 MiB of text.
package struct DataReader: AsyncSequence, AsyncIteratorProtocol, Sendable {
    package typealias Element = DataPage
    package typealias Failure = StoreError

    static let pageRows = 1_000
    static let pageBytes = 1 << 20

    /// The columns of every row: the records' in order of appearance, then `received`; none if the battery has no records.
    package let columns: [TableSchema.Column]

    private let store: Store
    private let battery: BatteryEntry
    private let query: DataQuery
    private var position: DataQuery.Position
    /// Rows that are still to come at most.
    private var remaining: Int

    init(store: Store, battery: BatteryEntry, query: DataQuery, limit: Int?) {
        (self.store, self.battery, self.query) = (store, battery, query)
        columns = query.columns
        position = limit.map { .newest($0) } ?? .start
        remaining = limit ?? .max
        if query.isEmpty || remaining <= 0 { position = .end }
    }

    package func makeAsyncIterator() -> DataReader { self }

    /// The next rows, never none; nil after the last.
    /// - Throws: `StoreError`: `.unknownBattery` if the battery was deleted meanwhile, `.cancelled` if the task is cancelled,
    ///   `.closed`, `.io`.
    package mutating func next() async throws(StoreError) -> DataPage? {
        guard remaining > 0, position != .end else { return nil }
        let (query, position, remaining) = (query, position, Swift.min(remaining, Self.pageRows))
        let (values, next) = try await store.read(battery) { database, _ in
            try query.page(database, at: position, rows: remaining, bytes: Self.pageBytes)
        }
        self.position = next
        guard !values.isEmpty else { return nil }
        let page = DataPage(values: values, columnCount: columns.count)
        self.remaining -= page.count
        return page
    }

    package mutating func next(isolation actor: isolated (any Actor)?) async throws(StoreError) -> DataPage? {
        try await next()
    }
}

extension Store {
    /// The rows of a battery by `test_time`, records of equal times in order of arrival.
    /// - Parameters:
    ///   - start: least `test_time`, s; nil for no bound. Records without `test_time` come first, and only if there is no bound.
    ///   - end: greatest `test_time`, s; nil for no bound.
    ///   - limit: only so many of the rows, the last ones; nil for all.
    /// - Throws: `StoreError` `.unknownBattery`.
    package func data(
        of name: BatteryName, start: Double? = nil, end: Double? = nil, limit: Int? = nil
    ) throws(StoreError) -> DataReader {
        let battery = try knownEntry(of: name)
        return DataReader(
            store: self, battery: battery, query: DataQuery(battery, start: start, end: end), limit: limit)
    }
}
