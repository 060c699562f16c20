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
        let records = try await queue.perform(on: name) { transaction in
            // A name that clashes belongs to no battery either.
            guard let battery = try? transaction.battery(name) else { throw Refusal(.unknownBattery(name)) }
            try transaction.delete(battery)
            return battery.records
        }
        sweeper.wake()
        return records
    }

    /// Removes a battery's estimator with all its versions, checkpoints and estimates; records and metadata stay. A battery that
    /// has neither goes with it.
    ///
    /// The next registration begins anew, but goes on counting versions.
    /// - Returns: the version that it had.
    /// - Throws: `StoreError`: `.unknownBattery`, `.unknownEstimator` if it has none, `.full`, `.io`. Nothing is removed then.
    package func removeEstimator(of name: BatteryName) async throws(StoreError) -> Int {
        let version = try await queue.perform(on: name) { transaction in
            guard let battery = try? transaction.battery(name) else { throw Refusal(.unknownBattery(name)) }
            guard let estimator = battery.estimator else { throw Refusal(.unknownEstimator(name)) }
            try transaction.removeEstimator(of: battery)
            return estimator.registered.version
        }
        sweeper.wake()
        return version
    }
}

extension WriteTransaction {
    /// The server's own tables that have rows of a battery's estimator alone.
    static let estimatorTables = ["estimators", "versions", "files", "progress", "checkpoints"].map { "lachesis_\($0)" }
    /// All that have rows of a battery, `lachesis_batteries` last.
    static let tables =
        estimatorTables + ["columns", "metadata", "streams", "summaries", "batteries"].map { "lachesis_\($0)" }

    /// Removes a battery and all that is its; tables that are large are left for the sweeper.
    func delete(_ battery: BatteryEntry) throws {
        if battery.hasTable { try doom(battery.name.text) }
        try retire(battery)
        try clear(Self.tables, of: battery)
        forget(battery)
    }

    /// Removes a battery's estimator and all that is its; the battery too, if nothing else is known of it.
    fileprivate func removeEstimator(of battery: BatteryEntry) throws {
        guard battery.hasTable || battery.hasMetadata else { return try delete(battery) }
        try retire(battery)
        try clear(Self.estimatorTables, of: battery)
        try forgetEstimateSummaries(of: battery.id)
        var battery = battery
        battery.estimator = nil
        keep(battery)
    }

    /// Takes the table of estimates out of use, and notes the version behind which another estimator will count on.
    private func retire(_ battery: BatteryEntry) throws {
        guard let estimator = battery.estimator else { return }
        try doom(estimator.table.name)
        try database.execute(
            sql: "INSERT OR REPLACE INTO lachesis_retired (name, version) VALUES (?, ?)",
            arguments: [battery.name.text, estimator.registered.version])
    }

    private func clear(_ tables: [String], of battery: BatteryEntry) throws {
        for table in tables {
            try database.cachedStatement(sql: "DELETE FROM \(table) WHERE battery = ?").execute(arguments: [battery.id])
        }
    }

    /// Version of the battery's estimator, or of the last one that was removed under this name; 0 if there was none.
    func lastVersion(of name: BatteryName) throws -> Int {
        if let version = try battery(name)?.estimator?.registered.version { return version }
        return try Int.fetchOne(
            database, sql: "SELECT version FROM lachesis_retired WHERE name = ?", arguments: [name.text])
            ?? 0
    }
}
