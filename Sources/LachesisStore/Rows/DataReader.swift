internal import GRDB
package import LachesisModel

/// Reads rows of a battery, page by page, each page with a query of its own.
///
/// It reads what was stored when it was made, however long that takes: records that come later are not among the rows, and no
/// transaction stays open meanwhile. Memory is bounded by a page: 1,000 rows, fewer if they hold more than 1 MiB of text; where
/// rows are thinned, by their number.
package struct DataReader: AsyncSequence, AsyncIteratorProtocol, Sendable {
    package typealias Element = DataPage
    package typealias Failure = StoreError

    static let pageRows = 1_000
    static let pageBytes = 1 << 20

    /// The columns of every row; none if the battery has no records.
    package let columns: [TableSchema.Column]

    private let store: Store
    private let table: RowTable
    private let selected: SelectedColumns
    private var query: any RowQuery
    /// Rows that are still to come at most.
    private var remaining: Int

    init(store: Store, table: RowTable, _ selection: RowSelection, isByTime: Bool) throws(StoreError) {
        (self.store, self.table) = (store, table)
        selected = try SelectedColumns(selection, of: table)
        columns = selected.told
        remaining = selection.limit ?? .max
        if let points = selection.points {
            query = ThinnedQuery(table, selected, selection, points: points, isByTime: isByTime)
        } else if isByTime {
            query = TimeOrderQuery(table, selected, selection)
        } else {
            query = SequenceOrderQuery(table, selected, selection)
        }
    }

    package func makeAsyncIterator() -> DataReader { self }

    /// The next rows, never none; nil after the last.
    /// - Throws: `StoreError`: `.unknownBattery` if the battery was deleted meanwhile, `.superseded` if its estimator was
    ///   replaced or removed, `.cancelled` if the task is cancelled, `.closed`, `.io`.
    package mutating func next() async throws(StoreError) -> DataPage? {
        while remaining > 0, !query.isAtEnd, !columns.isEmpty {
            let (query, selected) = (query, selected)
            let rows = Swift.min(remaining, Self.pageRows)
            let (values, next) = try await store.read(table) { database -> ([Value], any RowQuery) in
                var (query, page) = (query, PageBuilder(columns: selected, rows: rows, bytes: Self.pageBytes))
                try query.fill(&page, database)
                return (page.values, query)
            }
            self.query = next
            guard !values.isEmpty else { continue }
            let page = DataPage(values: values, columnCount: columns.count)
            remaining -= page.count
            return page
        }
        return nil
    }

    package mutating func next(isolation actor: isolated (any Actor)?) async throws(StoreError) -> DataPage? {
        try await next()
    }
}

extension Store {
    /// The rows of a battery by `test_time`, records of equal times in order of arrival; by sequence, if the selection has bounds
    /// of the sequence. Records without `test_time` come first.
    /// - Throws: `StoreError`: `.unknownBattery`, `.unknownColumn`.
    package func data(
        of name: BatteryName, _ selection: RowSelection = RowSelection()
    ) throws(StoreError) -> DataReader {
        let table = RowTable(recordsOf: try knownEntry(of: name))
        return try DataReader(store: self, table: table, selection, isByTime: !selection.isSequenceBounded)
    }

    /// The estimates of a battery's estimator by sequence, each row beginning with it.
    /// - Throws: `StoreError`: `.unknownBattery`, `.unknownEstimator` if it has none, `.unknownColumn`.
    package func history(
        of name: BatteryName, _ selection: RowSelection = RowSelection()
    ) throws(StoreError) -> DataReader {
        let battery = try knownEntry(of: name)
        guard let estimator = battery.estimator else {
            throw .unknownEstimator(name)
        }
        var selection = selection
        selection.hasSequence = true
        return try DataReader(
            store: self, table: RowTable(estimatesOf: battery, by: estimator), selection, isByTime: false)
    }

    /// Reads what belongs to one table.
    /// - Throws: `StoreError`: `.unknownBattery` if the battery is deleted, `.superseded` if its estimator is another.
    func read<Output: Sendable>(
        _ table: RowTable, _ body: @escaping @Sendable (Database) throws -> Output
    ) async throws(StoreError) -> Output {
        try await read(table.battery) { database, battery in
            if let version = table.version {
                let statement = try database.cachedStatement(
                    sql: "SELECT version FROM lachesis_estimators WHERE battery = ?")
                guard try Int.fetchOne(statement, arguments: [battery.id]) == version else {
                    throw StoreError(
                        .superseded, "the estimator of '\(battery.name)' was replaced or removed meanwhile")
                }
            }
            return try body(database)
        }
    }
}
