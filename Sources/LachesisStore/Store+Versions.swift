internal import Foundation
internal import GRDB
package import LachesisModel

extension Store {
    /// A battery's registrations, the newest first, without their scripts; those that were replaced are kept within bounds, see `VersionHistory`.
    /// - Throws: `StoreError` `.unknownBattery`.
    package func versions(of name: BatteryName) async throws(StoreError) -> [EstimatorVersion] {
        try await read(knownEntry(of: name)) { database, battery in
            try VersionHistory(database: database).versions(of: battery)
        }
    }

    /// - Throws: `StoreError` `.unknownBattery`, `.unknownVersion`.
    package func version(_ number: Int, of name: BatteryName) async throws(StoreError) -> EstimatorVersion {
        try await read(knownEntry(of: name)) { database, battery in
            try VersionHistory(database: database).version(number, of: battery)
        }
    }

    /// What was uploaded as a version, with its files.
    /// - Throws: `StoreError` `.unknownBattery`, `.unknownVersion`.
    package func registration(of name: BatteryName, version: Int) async throws(StoreError) -> Registration {
        try await read(knownEntry(of: name)) { database, battery in
            try VersionHistory(database: database).registration(of: battery, version: version)
        }
    }

    /// Notes what an estimator is kept from; the next registration of the battery begins without.
    /// - Throws: `StoreError` `.unknownEstimator` if the battery has no estimator of this version any more.
    package func setHold(_ hold: WorkerHold?, of name: BatteryName, version: Int) async throws(StoreError) {
        try await change(name, version: version, column: "hold", to: hold?.rawValue) { $0.hold = hold }
    }

    /// Notes what a version's script is limited to from its next start on.
    /// - Throws: `StoreError` `.unknownEstimator` likewise.
    package func setLimits(_ limits: ScriptLimits, of name: BatteryName, version: Int) async throws(StoreError) {
        let text: String
        do { text = String(decoding: try JSONEncoder().encode(limits), as: UTF8.self) } catch {
            throw StoreError(error)
        }
        try await change(name, version: version, column: "limits", to: text) { $0.limits = limits }
    }

    private func change(
        _ name: BatteryName, version: Int, column: String, to value: String?,
        _ body: @escaping @Sendable (inout RegisteredEstimator) -> Void
    ) async throws(StoreError) {
        try await queue.perform(on: name) { transaction in
            guard var entry = try? transaction.battery(name), var estimator = entry.estimator,
                estimator.registered.version == version
            else { throw Refusal(.unknownEstimator, "the battery '\(name)' has no estimator of version \(version)") }
            try transaction.database.execute(
                sql: "UPDATE lachesis_estimators SET \(column) = ? WHERE battery = ?", arguments: [value, entry.id])
            body(&estimator.registered)
            entry.estimator = estimator
            transaction.keep(entry)
        }
    }

    /// When the next record behind each of these sequences was stored, Unix seconds; without those behind which there is none.
    package func receivedTimes(
        after sequences: [BatteryName: Int64]
    ) async throws(StoreError) -> [BatteryName: Double] {
        guard !sequences.isEmpty else { return [:] }
        let tables = catalogue.all().filter { $0.hasTable && sequences[$0.name] != nil }.map(\.name)
        return try await read { database in
            var times: [BatteryName: Double] = [:]
            for name in tables {
                // Deleted since: there is nothing that waits any more.
                guard let sequence = sequences[name], try database.tableExists(name.text) else { continue }
                times[name] = try Double.fetchOne(
                    database,
                    sql: "SELECT \(KnownColumns.received) FROM \(quoted(name.text)) WHERE \(SQLName.sequence) > ? "
                        + "ORDER BY \(SQLName.sequence) LIMIT 1",
                    arguments: [sequence])
            }
            return times
        }
    }
}
