internal import Foundation
internal import GRDB
internal import LachesisModel

/// How far an estimator is, as a row of `lachesis_progress`. Arrays are blobs of little-endian IEEE 754 binary64.
enum ProgressRow {
    static func write(_ estimator: EstimatorEntry, battery: Int64, _ database: Database) throws {
        let (snapshot, counts) = (estimator.registered.snapshot, estimator.registered.snapshot.counts)
        let values: [(any DatabaseValueConvertible)?] = [
            battery, Int64(bitPattern: estimator.epoch), estimator.registered.cursor, snapshot.latestTime,
            blob(snapshot.mean), blob(snapshot.covariance), blob(snapshot.outputMean), blob(snapshot.outputVariance),
            counts.stepped, counts.seeded, counts.missingValue, counts.beforeValidTime, counts.late, counts.failed,
            snapshot.lastError,
        ]
        try database.cachedStatement(
            sql: """
                INSERT OR REPLACE INTO lachesis_progress (
                    battery, epoch, cursor, latest_time, mean, covariance, output_mean, output_variance,
                    stepped, seeded, missing_value, before_valid_time, late, failed, last_error
                ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """
        ).execute(arguments: StatementArguments(values))
    }

    /// - Throws: `StoreError` `.corrupt` if a blob is none of doubles.
    static func read(_ row: Row) throws -> (cursor: Int64, epoch: UInt64, snapshot: Snapshot) {
        var snapshot = Snapshot(
            latestTime: row["latest_time"], mean: try doubles(row["mean"]), covariance: try doubles(row["covariance"]))
        snapshot.outputMean = try doubles(row["output_mean"])
        snapshot.outputVariance = try doubles(row["output_variance"])
        snapshot.counts.stepped = row["stepped"]
        snapshot.counts.seeded = row["seeded"]
        snapshot.counts.missingValue = row["missing_value"]
        snapshot.counts.beforeValidTime = row["before_valid_time"]
        snapshot.counts.late = row["late"]
        snapshot.counts.failed = row["failed"]
        snapshot.lastError = row["last_error"]
        return (row["cursor"], UInt64(bitPattern: row["epoch"] as Int64), snapshot)
    }

    private static func blob(_ values: [Double]) -> Data {
        values.map(\.bitPattern.littleEndian).withUnsafeBytes { Data($0) }
    }

    private static func doubles(_ blob: Data) throws -> [Double] {
        guard blob.count % 8 == 0 else { throw StoreError(.corrupt, "an estimator's snapshot has \(blob.count) bytes") }
        return [Double](unsafeUninitializedCapacity: blob.count / 8) { buffer, count in
            let bits = [UInt64](unsafeUninitializedCapacity: blob.count / 8) { bits, count in
                count = blob.copyBytes(to: bits) / 8
            }
            for (position, word) in bits.enumerated() {
                buffer.initializeElement(at: position, to: Double(bitPattern: UInt64(littleEndian: word)))
            }
            count = bits.count
        }
    }
}
