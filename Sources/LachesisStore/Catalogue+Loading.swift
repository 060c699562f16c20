internal import Foundation
internal import GRDB
internal import LachesisModel

extension Catalogue {
    /// Reads all batteries from the database.
    /// - Throws: `StoreError` `.corrupt` if the server's own tables contradict each other or the tables that there are.
    static func load(_ database: Database, columnLimit: Int) throws -> Catalogue {
        let columns = try columnsByBattery(database)
        let withMetadata = try Set(Int64.fetchAll(database, sql: "SELECT battery FROM lachesis_metadata"))
        var batteries: [BatteryEntry] = []
        let rows = try Row.fetchCursor(
            database, sql: "SELECT battery, name, records, last_sequence FROM lachesis_batteries")
        while let row = try rows.next() {
            let id: Int64 = try row.value(of: "battery")
            let name = try Self.name(row.value(of: "name"))
            batteries.append(
                BatteryEntry(
                    id: id, name: name, records: try row.value(of: "records"),
                    lastSequence: try row.value(of: "last_sequence"),
                    hasMetadata: withMetadata.contains(id),
                    schema: TableSchema(columns: columns[id] ?? [], limit: columnLimit)))
        }
        try loadEstimators(into: &batteries, database)
        let foreign = try checkTables(of: batteries, database)
        for index in batteries.indices where batteries[index].hasTable {
            batteries[index].lastReceived = try lastReceived(batteries[index], database)
        }
        return Catalogue(batteries, foreignTables: foreign)
    }

    private static func name(_ text: String) throws -> BatteryName {
        do { return try BatteryName(text) } catch {
            throw StoreError(.corrupt, "the database holds a battery '\(text)', but \(error)", underlying: error)
        }
    }

    private static func lastReceived(_ battery: BatteryEntry, _ database: Database) throws -> Double? {
        try Double.fetchOne(
            database,
            sql: """
                SELECT \(KnownColumns.received) FROM \(quoted(battery.name.text)) WHERE \(SQLName.sequence) = ?
                """, arguments: [battery.lastSequence])
    }

    private static func columnsByBattery(_ database: Database) throws -> [Int64: [TableSchema.Column]] {
        var columns: [Int64: [TableSchema.Column]] = [:]
        let rows = try Row.fetchCursor(
            database, sql: "SELECT battery, name, type, provisional FROM lachesis_columns ORDER BY battery, position")
        while let row = try rows.next() {
            let name: String = try row.value(of: "name")
            let word: String = try row.value(of: "type")
            guard let type = ColumnType(rawValue: word) else {
                throw StoreError(.corrupt, "the column '\(name)' is of the unknown type '\(word)'")
            }
            columns[row["battery"], default: []].append(
                TableSchema.Column(name: name, type: type, isProvisional: try row.value(of: "provisional")))
        }
        return columns
    }

    private static func loadEstimators(into batteries: inout [BatteryEntry], _ database: Database) throws {
        let places = Dictionary(uniqueKeysWithValues: batteries.enumerated().map { ($1.id, $0) })
        let rows = try Row.fetchCursor(
            database,
            sql: """
                SELECT e.battery, version, plugin, description, origin, limits, hold, acceleration, acceleration_state, p.*
                FROM lachesis_estimators e JOIN lachesis_progress p ON p.battery = e.battery
                """)
        while let row = try rows.next() {
            guard let place = places[row["battery"]] else {
                throw StoreError(.corrupt, "the database holds an estimator of a battery that it does not hold")
            }
            let name = batteries[place].name
            let text: String = try row.value(of: "description")
            let description: EstimatorDescription
            do { description = try JSONDecoder().decode(EstimatorDescription.self, from: Data(text.utf8)) } catch {
                throw StoreError(.corrupt, "the description of '\(name)'s estimator cannot be read", underlying: error)
            }
            let progress = try ProgressRow.read(row)
            var registered = RegisteredEstimator(
                battery: name, version: try row.value(of: "version"), plugin: try row.value(of: "plugin"),
                description: description, origin: try row.value(of: "origin"), cursor: progress.cursor,
                snapshot: progress.snapshot)
            let limits: String = try row.value(of: "limits")
            do { registered.limits = try JSONDecoder().decode(ScriptLimits.self, from: Data(limits.utf8)) } catch {
                throw StoreError(.corrupt, "the limits of '\(name)'s estimator cannot be read", underlying: error)
            }
            registered.acceleration = Acceleration(rawValue: try row.value(of: "acceleration")) ?? .off
            // It says whether steps have differed, which is to hold for good: what cannot be read is no leave to forget it.
            if let text = row["acceleration_state"] as String? {
                do {
                    registered.accelerationState = try JSONDecoder().decode(
                        AccelerationState.self, from: Data(text.utf8))
                } catch {
                    throw StoreError(
                        .corrupt, "the acceleration of '\(name)'s estimator cannot be read", underlying: error)
                }
            }
            registered.hold = (row["hold"] as String?).flatMap(WorkerHold.init)
            batteries[place].estimator = EstimatorEntry(
                registered: registered, epoch: progress.epoch,
                table: try EstimateTable(battery: name, description: description))
        }
    }

    /// - Returns: folded names of the tables and indexes that belong to no battery.
    private static func checkTables(of batteries: [BatteryEntry], _ database: Database) throws -> Set<String> {
        var names = try Set(String.fetchAll(database, sql: "SELECT name FROM sqlite_master").map(asciiLowercased))
        for battery in batteries {
            let table = names.remove(battery.name.folded)
            let estimates = names.remove(SQLName.estimates(of: battery.name.folded))
            guard table != nil || !battery.hasTable, estimates != nil || battery.estimator == nil else {
                throw StoreError(.corrupt, "the database lacks a table of the battery '\(battery.name)'")
            }
        }
        return names
    }
}
