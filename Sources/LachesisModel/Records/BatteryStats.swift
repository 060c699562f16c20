/// What `/db/stats` tells of one battery.
package struct BatteryStats: Sendable, Equatable {
    package var name: BatteryName
    package var hasMetadata: Bool
    package var hasEstimator: Bool
    /// Records stored.
    package var rows: Int64
    /// In order of appearance, `received` last; empty before the first record.
    package var columns: [TableSchema.Column]

    package var hasData: Bool { rows > 0 }

    package init(name: BatteryName, hasMetadata: Bool, hasEstimator: Bool, rows: Int64, columns: [TableSchema.Column]) {
        (self.name, self.hasMetadata, self.hasEstimator) = (name, hasMetadata, hasEstimator)
        (self.rows, self.columns) = (rows, columns)
    }
}
