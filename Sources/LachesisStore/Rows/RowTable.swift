internal import LachesisModel

/// A table whose rows are read: a battery's records, or its estimates; as it is when the reading begins.
struct RowTable: Sendable {
    /// What the table holds; the raw value is the one that `lachesis_summaries` has.
    enum Kind: Int64, Sendable {
        case records = 0
        case estimates = 1
    }

    struct Column: Sendable {
        let name: String
        let type: ColumnType
        /// Tells the column from the table's others, whatever columns are added.
        let position: Int64
    }

    /// In the place of a column's position: the sequence itself, and `received`.
    static let sequencePosition: Int64 = -1
    static let receivedPosition: Int64 = -2

    let battery: BatteryEntry
    let kind: Kind
    let name: String
    /// In the table's order.
    let columns: [Column]
    /// Of the last row that there may be; 0 if there are none.
    let lastSequence: Int64
    /// Of the estimator that the estimates are of; nil for records.
    let version: Int?
    /// Without it all rows are without a time.
    let timePosition: Int64?

    /// SQL of a row's time.
    var time: String { timePosition == nil ? "NULL" : quoted(KnownColumns.testTime) }

    /// A battery's records.
    init(recordsOf battery: BatteryEntry) {
        self.battery = battery
        (kind, version) = (.records, nil)
        name = battery.name.text
        lastSequence = battery.lastSequence
        let columns = battery.schema.columns.enumerated().map { position, column in
            Column(name: column.name, type: column.type, position: Int64(position))
        }
        let received = Column(name: KnownColumns.received, type: .float, position: Self.receivedPosition)
        self.columns = battery.hasTable ? columns + [received] : []
        timePosition = columns.first { $0.name == KnownColumns.testTime }?.position
    }

    /// What a battery's estimator made of them.
    init(estimatesOf battery: BatteryEntry, by estimator: EstimatorEntry) {
        self.battery = battery
        kind = .estimates
        version = estimator.registered.version
        name = estimator.table.name
        lastSequence = estimator.registered.cursor
        columns = estimator.table.columns.enumerated().map { position, name in
            Column(name: name, type: .float, position: Int64(position))
        }
        timePosition = 0
    }
}
