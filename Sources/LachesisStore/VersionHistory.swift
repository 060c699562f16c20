internal import Foundation
internal import GRDB
internal import LachesisModel

/// The registrations of batteries, the current ones and those that were replaced.
struct VersionHistory {
    /// Replaced versions of one battery that are kept, at most.
    static let kept = 50
    /// Bytes of their files together, at most; the latest replaced one is kept whatever it has.
    static let keptBytes: Int64 = 1 << 30

    private static let columns =
        "battery, version, plugin, definition, valid_time, seeds_inputs, description, start, origin, limits, registered, "
        + "acceleration"
    /// Likewise, but without the scripts, which may be long.
    private static let listed = columns.replacing("definition", with: "'' AS definition")

    /// All registrations of a battery, its number being the first argument.
    private static func all(_ columns: String) -> String {
        "SELECT \(columns), 1 AS current FROM lachesis_estimators WHERE battery = ?1 "
            + "UNION ALL SELECT \(columns), 0 FROM lachesis_versions WHERE battery = ?1"
    }

    let database: Database

    /// Keeps a battery's current registration as a replaced one, and removes the oldest if there are too many now.
    func retire(battery: Int64) throws {
        try database.execute(
            sql: """
                INSERT INTO lachesis_versions (\(Self.columns))
                SELECT \(Self.columns) FROM lachesis_estimators WHERE battery = ?
                """,
            arguments: [battery])
        let rows = try Row.fetchAll(
            database,
            sql: """
                SELECT v.version AS version, coalesce(sum(length(f.content)), 0) AS bytes FROM lachesis_versions v
                LEFT JOIN lachesis_files f ON f.battery = v.battery AND f.version = v.version
                WHERE v.battery = ? GROUP BY v.version ORDER BY v.version DESC
                """,
            arguments: [battery])
        var bytes: Int64 = 0
        for (place, row) in rows.enumerated() {
            bytes += try row.value(of: "bytes")
            guard place > 0, place >= Self.kept || bytes > Self.keptBytes else { continue }
            let oldest: Int64 = try row.value(of: "version")
            for table in ["lachesis_versions", "lachesis_files"] {
                try database.execute(
                    sql: "DELETE FROM \(table) WHERE battery = ? AND version <= ?", arguments: [battery, oldest])
            }
            return
        }
    }

    /// The newest first, their scripts left empty.
    func versions(of battery: BatteryEntry) throws -> [EstimatorVersion] {
        try Row.fetchAll(database, sql: "\(Self.all(Self.listed)) ORDER BY version DESC", arguments: [battery.id])
            .map { row in try version(row, of: battery) }
    }

    /// - Throws: `StoreError` `.unknownVersion`.
    func version(_ number: Int, of battery: BatteryEntry) throws -> EstimatorVersion {
        try version(row(of: battery, version: number), of: battery)
    }

    /// What was uploaded, with its files.
    /// - Throws: `StoreError` `.unknownVersion`.
    func registration(of battery: BatteryEntry, version: Int) throws -> Registration {
        var registration = try registration(row(of: battery, version: version), of: battery)
        let files = try RawStatement(
            database, "SELECT name, content FROM lachesis_files WHERE battery = ? AND version = ? ORDER BY position")
        try files.bind(battery.id, at: 1)
        try files.bind(Int64(version), at: 2)
        while try files.step() {
            registration.files.append(ScriptFile(name: files.text(at: 0), content: files.bytes(at: 1)))
        }
        return registration
    }

    private func row(of battery: BatteryEntry, version: Int) throws -> Row {
        let row = try Row.fetchOne(
            database, sql: "SELECT * FROM (\(Self.all(Self.columns))) WHERE version = ?2",
            arguments: [battery.id, version])
        guard let row else {
            throw StoreError(.unknownVersion, "the estimator of '\(battery.name)' has no version \(version)")
        }
        return row
    }

    private func version(_ row: Row, of battery: BatteryEntry) throws -> EstimatorVersion {
        let number: Int = try row.value(of: "version")
        let description: String = try row.value(of: "description")
        let files = try Row.fetchAll(
            database,
            sql: "SELECT name, length(content) AS bytes FROM lachesis_files WHERE battery = ? AND version = ? "
                + "ORDER BY position",
            arguments: [battery.id, number])
        return EstimatorVersion(
            version: number,
            className: try JSONDecoder().decode(EstimatorDescription.self, from: Data(description.utf8)).className,
            isCurrent: row["current"], registered: row["registered"], registration: try registration(row, of: battery),
            files: try files.map {
                EstimatorVersion.File(name: try $0.value(of: "name"), bytes: try $0.value(of: "bytes"))
            })
    }

    /// Without its files.
    private func registration(_ row: Row, of battery: BatteryEntry) throws -> Registration {
        var registration = Registration(
            battery: battery.name, plugin: row["plugin"], definition: row["definition"], files: [],
            validTime: row["valid_time"], seedsInputs: row["seeds_inputs"],
            start: Registration.Start(rawValue: row["start"]) ?? .start)
        registration.acceleration = Acceleration(rawValue: row["acceleration"]) ?? .full
        let limits: String = try row.value(of: "limits")
        registration.limits = try JSONDecoder().decode(ScriptLimits.self, from: Data(limits.utf8))
        return registration
    }
}
