internal import GRDB
package import LachesisModel

extension Store {
    /// Deletes a battery with its records, metadata, streams, estimator, estimates and checkpoints.
    ///
    /// Its name is free at once, for a battery that has nothing of the old one, and whose estimator no late result of the old
    /// one reaches. The rows are removed in the background, which makes room in the file for others but does not shorten it.
    /// - Returns: how many records it had.
    /// - Throws: `StoreError`: `.unknownBattery` if there is none of this name, `.full`, `.io`. Nothing is deleted then.
    package func delete(_ name: BatteryName) async throws(StoreError) -> Int64 {
        let records = try await queue.perform { transaction in
            // A name that clashes belongs to no battery either.
            guard let battery = try? transaction.battery(name) else { throw Refusal(.unknownBattery(name)) }
            try transaction.delete(battery)
            return battery.records
        }
        sweeper.wake()
        return records
    }
}

extension WriteTransaction {
    /// The server's own tables that have rows of a battery, `lachesis_batteries` last.
    static let tables = [
        "columns", "metadata", "streams", "estimators", "versions", "files", "progress", "checkpoints", "summaries",
        "batteries",
    ].map { "lachesis_\($0)" }

    /// Removes a battery and all that is its; tables that are large are left for the sweeper.
    func delete(_ battery: BatteryEntry) throws {
        if battery.hasTable { try doom(battery.name.text) }
        if let estimator = battery.estimator {
            try doom(estimator.table.name)
            try database.execute(
                sql: "INSERT OR REPLACE INTO lachesis_retired (name, version) VALUES (?, ?)",
                arguments: [battery.name.text, estimator.registered.version])
        }
        for table in Self.tables {
            try database.cachedStatement(sql: "DELETE FROM \(table) WHERE battery = ?").execute(arguments: [battery.id])
        }
        forget(battery)
    }

    /// Version of the battery's estimator, or of the last one of a deleted battery of this name; 0 if there was none.
    func lastVersion(of name: BatteryName) throws -> Int {
        if let version = try battery(name)?.estimator?.registered.version { return version }
        return try Int.fetchOne(
            database, sql: "SELECT version FROM lachesis_retired WHERE name = ?", arguments: [name.text])
            ?? 0
    }
}
