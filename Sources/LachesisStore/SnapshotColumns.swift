internal import Foundation
internal import GRDB
internal import LachesisModel

/// A snapshot as the columns that progress and checkpoints have in common. Arrays are blobs of little-endian IEEE 754 binary64.
enum SnapshotColumns {
    static let names = [
        "latest_time", "mean", "covariance", "output_mean", "output_variance", "stepped", "seeded", "missing_value",
        "before_valid_time", "late", "failed", "last_error",
    ]

    /// In the order of the names.
    static func values(_ snapshot: Snapshot) -> [DatabaseValue] {
        let counts = snapshot.counts
        return [
            // SQLite would make NULL of NaN by itself, but a checkpoint's hash must know of it.
            snapshot.latestTime.flatMap { $0.isNaN ? nil : $0 }?.databaseValue ?? .null,
            blob(snapshot.mean), blob(snapshot.covariance), blob(snapshot.outputMean), blob(snapshot.outputVariance),
            counts.stepped.databaseValue, counts.seeded.databaseValue, counts.missingValue.databaseValue,
            counts.beforeValidTime.databaseValue, counts.late.databaseValue, counts.failed.databaseValue,
            snapshot.lastError.map { text($0) } ?? .null,
        ]
    }

    /// - Throws: `StoreError` `.corrupt` if a column holds what no snapshot has.
    static func snapshot(_ row: Row) throws -> Snapshot {
        var snapshot = Snapshot(
            latestTime: try row.optionalValue(of: "latest_time"), mean: try doubles(row, "mean"),
            covariance: try doubles(row, "covariance"))
        snapshot.outputMean = try doubles(row, "output_mean")
        snapshot.outputVariance = try doubles(row, "output_variance")
        snapshot.counts.stepped = try row.value(of: "stepped")
        snapshot.counts.seeded = try row.value(of: "seeded")
        snapshot.counts.missingValue = try row.value(of: "missing_value")
        snapshot.counts.beforeValidTime = try row.value(of: "before_valid_time")
        snapshot.counts.late = try row.value(of: "late")
        snapshot.counts.failed = try row.value(of: "failed")
        snapshot.lastError = try row.optionalValue(of: "last_error")
        return snapshot
    }

    /// GRDB cuts text at NUL, so another character stands for it.
    private static func text(_ text: String) -> DatabaseValue {
        String(String.UnicodeScalarView(text.unicodeScalars.map { $0.value == 0 ? "\u{FFFD}" : $0 })).databaseValue
    }

    private static func blob(_ values: [Double]) -> DatabaseValue {
        values.map { $0.bitPattern.littleEndian }.withUnsafeBytes { Data($0) }.databaseValue
    }

    private static func doubles(_ row: Row, _ name: String) throws -> [Double] {
        let blob: Data = try row.value(of: name)
        guard blob.count % 8 == 0 else {
            throw StoreError(.corrupt, "an estimator's snapshot has \(blob.count) bytes of doubles in '\(name)'")
        }
        let words = [UInt64](unsafeUninitializedCapacity: blob.count / 8) { words, count in
            count = blob.copyBytes(to: words) / 8
        }
        return words.map { Double(bitPattern: UInt64(littleEndian: $0)) }
    }
}
