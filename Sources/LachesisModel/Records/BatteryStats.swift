/// What `/db/stats` tells of one battery.
package struct BatteryStats: Sendable, Equatable {
    package var name: BatteryName
    package var hasMetadata: Bool
    package var hasEstimator: Bool
    /// Records stored.
    package var rows: Int64
    /// When the latest record came, Unix s; nil before the first.
    package var lastReceived: Double?
    /// In order of appearance, `received` last; empty before the first record.
    package var columns: [TableSchema.Column]

    package var hasData: Bool { rows > 0 }

    package init(
        name: BatteryName, hasMetadata: Bool, hasEstimator: Bool, rows: Int64, columns: [TableSchema.Column],
        lastReceived: Double? = nil
    ) {
        (self.name, self.hasMetadata, self.hasEstimator) = (name, hasMetadata, hasEstimator)
        (self.rows, self.columns, self.lastReceived) = (rows, columns, lastReceived)
    }
}
