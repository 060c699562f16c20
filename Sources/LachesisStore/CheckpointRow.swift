internal import Crypto
internal import Foundation
internal import GRDB
internal import LachesisModel

/// A checkpoint as a row of `lachesis_checkpoints`, with a SHA-256 over everything but its number.
///
/// A state that was damaged on the disk could go unnoticed through a thousand steps, so a checkpoint counts for nothing if a
/// single bit of it differs. The hash is over each value's storage class (one byte: 0 NULL, 1 integer, 2 real, 3 text, 4 blob)
/// and its bytes, numbers as 8 bytes, text and blobs after the 8 bytes of their length, all little-endian.
enum CheckpointRow {
    /// Checkpoints of an estimator that are kept: if the newest is no good, there is one more to go on from.
    static let kept = 2

    private static let columns = ["battery", "version", "cursor"] + SnapshotColumns.names + ["state"]

    private static let insertion =
        "INSERT INTO lachesis_checkpoints (id, sha256, \(columns.joined(separator: ", "))) "
        + "VALUES (\(marks(2 + columns.count)))"

    /// What `content(of:)` reads.
    static let selection = "SELECT id, sha256, \(columns.joined(separator: ", ")) FROM lachesis_checkpoints"

    /// Writes a checkpoint, and removes the estimator's oldest if there are too many now.
    static func write(
        _ checkpoint: Checkpoint, battery: Int64, version: Int, _ transaction: WriteTransaction
    ) throws {
        let values =
            [battery.databaseValue, version.databaseValue, checkpoint.cursor.databaseValue]
            + SnapshotColumns.values(checkpoint.snapshot) + [Data(checkpoint.state).databaseValue]
        let key = [try transaction.next(.checkpoints).databaseValue, digest(of: values).databaseValue]
        let database = transaction.database
        try database.cachedStatement(sql: insertion).execute(arguments: StatementArguments(key + values))
        try database.cachedStatement(
            sql: """
                DELETE FROM lachesis_checkpoints WHERE battery = ?1 AND id NOT IN (
                    SELECT id FROM lachesis_checkpoints WHERE battery = ?1 ORDER BY id DESC LIMIT ?2)
                """
        ).execute(arguments: [battery, kept])
    }

    /// What was written; nil if it is not what stands there.
    static func content(of row: Row) -> Checkpoint? {
        let values = Array(row.databaseValues.dropFirst(2))
        guard Data.fromDatabaseValue(row["sha256"]) == digest(of: values) else { return nil }
        return try? Checkpoint(
            cursor: row.value(of: "cursor"), snapshot: SnapshotColumns.snapshot(row),
            state: [UInt8](row.value(of: "state") as Data))
    }

    private static func digest(of values: [DatabaseValue]) -> Data {
        var hash = SHA256()
        func add(_ tag: UInt8, _ word: UInt64, _ bytes: Data = Data()) {
            withUnsafeBytes(of: tag) { hash.update(bufferPointer: $0) }
            withUnsafeBytes(of: word.littleEndian) { hash.update(bufferPointer: $0) }
            hash.update(data: bytes)
        }
        for value in values {
            switch value.storage {
            case .null: add(0, 0)
            case .int64(let integer): add(1, UInt64(bitPattern: integer))
            case .double(let real): add(2, real.bitPattern)
            case .string(let text): add(3, UInt64(text.utf8.count), Data(text.utf8))
            case .blob(let bytes): add(4, UInt64(bytes.count), bytes)
            }
        }
        return Data(hash.finalize())
    }
}
