internal import GRDB
package import LachesisModel

extension Store {
    /// The checkpoint that was written last of those of a battery's estimator, whatever its cursor; nil if there is none.
    /// - Parameters:
    ///   - version: the registration's version.
    ///   - id: only checkpoints written before this one; nil for all.
    /// - Returns: the checkpoint, without content if it is not as it was written.
    /// - Throws: `StoreError` `.unknownBattery`.
    package func checkpoint(
        of name: BatteryName, version: Int, before id: Int64? = nil
    ) async throws(StoreError) -> StoredCheckpoint? {
        try await read(knownEntry(of: name)) { database, battery in
            let row = try Row.fetchOne(
                database,
                sql: "\(CheckpointRow.selection) WHERE battery = ? AND version = ? AND id < ? ORDER BY id DESC LIMIT 1",
                arguments: [battery.id, version, id ?? .max])
            return row.map { StoredCheckpoint(id: $0["id"], content: CheckpointRow.content(of: $0)) }
        }
    }

    /// Removes a checkpoint that is no good; nothing happens if it is gone already.
    package func discardCheckpoint(_ id: Int64, of name: BatteryName) async throws(StoreError) {
        try await queue.perform(on: name) { transaction in
            guard let battery = try? transaction.battery(name) else { return }
            try transaction.database.cachedStatement(
                sql: "DELETE FROM lachesis_checkpoints WHERE id = ? AND battery = ?"
            ).execute(arguments: [id, battery.id])
        }
    }
}
