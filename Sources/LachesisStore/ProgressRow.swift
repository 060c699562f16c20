internal import GRDB
internal import LachesisModel

/// How far an estimator is, as a row of `lachesis_progress`.
enum ProgressRow {
    private static let insertion = {
        let columns = ["battery", "epoch", "cursor"] + SnapshotColumns.names
        return "INSERT OR REPLACE INTO lachesis_progress (\(columns.joined(separator: ", "))) "
            + "VALUES (\(marks(columns.count)))"
    }()

    static func write(_ estimator: EstimatorEntry, battery: Int64, _ database: Database) throws {
        let key = [battery, Int64(bitPattern: estimator.epoch), estimator.registered.cursor].map(\.databaseValue)
        let values = key + SnapshotColumns.values(estimator.registered.snapshot)
        try database.cachedStatement(sql: insertion).execute(arguments: StatementArguments(values))
    }

    /// - Throws: `StoreError` `.corrupt` if a column holds what it cannot.
    static func read(_ row: Row) throws -> (cursor: Int64, epoch: UInt64, snapshot: Snapshot) {
        let epoch: Int64 = try row.value(of: "epoch")
        return (try row.value(of: "cursor"), UInt64(bitPattern: epoch), try SnapshotColumns.snapshot(row))
    }
}
