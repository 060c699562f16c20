internal import GRDB
internal import LachesisModel

/// Compares what the server's own tables say with each other and with the batteries' tables, within one transaction.
struct StoreCheck {
    let database: Database
    var report = StoreReport()
    /// Folded names of all tables.
    private var tables: Set<String> = []

    init(_ database: Database) { self.database = database }

    /// A battery as `lachesis_batteries` has it.
    struct Battery {
        let id: Int64
        let name: BatteryName
        let records: Int64
        let lastSequence: Int64
    }

    mutating func run() {
        attempt("the file") { check in
            let answers = try String.fetchCursor(check.database, sql: "PRAGMA integrity_check")
            while let answer = try answers.next() {
                if answer != "ok" { check.found("SQLite finds the file damaged: \(answer)") }
            }
        }
        attempt("the list of tables") { check in
            let names = try String.fetchAll(check.database, sql: "SELECT name FROM sqlite_master WHERE type = 'table'")
            check.tables = Set(names.map(asciiLowercased))
        }
        for battery in batteries() {
            report.batteries += 1
            attempt("the records of '\(battery.name)'") { try $0.checkRecords(of: battery) }
            attempt("the estimator of '\(battery.name)'") { try $0.checkEstimator(of: battery) }
        }
        attempt("the server's own tables") { check in
            try check.checkOwners()
            try check.checkCounters()
        }
    }

    mutating func found(_ problem: String) { report.problems.append(problem) }

    func hasTable(_ name: String) -> Bool { tables.contains(asciiLowercased(name)) }

    /// What cannot be read is a problem like others, and not the end of the check.
    mutating func attempt(_ subject: String, _ body: (inout StoreCheck) throws -> Void) {
        do { try body(&self) } catch { found("\(subject) cannot be read: \(StoreError(error).message)") }
    }

    private mutating func batteries() -> [Battery] {
        var batteries: [Battery] = []
        attempt("the list of batteries") { check in
            let rows = try Row.fetchAll(
                check.database, sql: "SELECT battery, name, records, last_sequence FROM lachesis_batteries")
            for row in rows {
                let text: String = try row.value(of: "name")
                guard let name = try? BatteryName(text) else {
                    check.found("a battery is named '\(text)', which is no battery's name")
                    continue
                }
                batteries.append(
                    Battery(
                        id: try row.value(of: "battery"), name: name, records: try row.value(of: "records"),
                        lastSequence: try row.value(of: "last_sequence")))
            }
        }
        return batteries
    }

    // MARK: Records

    private mutating func checkRecords(of battery: Battery) throws {
        let streamed = try Int64.fetchOne(
            database, sql: "SELECT sum(stored) FROM lachesis_streams WHERE battery = ?", arguments: [battery.id])
        if let streamed, streamed > battery.records {
            found("the streams of '\(battery.name)' count \(streamed) records, the battery \(battery.records)")
        }
        guard hasTable(battery.name.text) else {
            if battery.records != 0 || battery.lastSequence != 0 {
                found("the battery '\(battery.name)' counts \(battery.records) records, but has no table")
            }
            return
        }
        let (count, last) = try extent(of: battery.name.text)
        report.records += count
        if count != battery.records {
            found("the battery '\(battery.name)' counts \(battery.records) records, its table \(count)")
        }
        if last != battery.lastSequence {
            found("the last record of '\(battery.name)' should be \(battery.lastSequence), and is \(last)")
        }
        let physical = try Set(physicalColumns(of: battery.name.text).map(asciiLowercased))
        let columns = try String.fetchAll(
            database, sql: "SELECT name FROM lachesis_columns WHERE battery = ? ORDER BY position",
            arguments: [battery.id])
        for column in [SQLName.sequence] + columns + [KnownColumns.received]
        where !physical.contains(asciiLowercased(column)) {
            found("the table of '\(battery.name)' lacks its column '\(column)'")
        }
    }

    /// How many rows a table has, and the last one's sequence, 0 if there is none; from the table itself, not an index.
    func extent(of table: String) throws -> (count: Int64, last: Int64) {
        let row = try Row.fetchOne(
            database,
            sql:
                "SELECT count(*) AS count, coalesce(max(\(SQLName.sequence)), 0) AS last FROM \(quoted(table)) NOT INDEXED"
        )
        guard let row else { return (0, 0) }
        return (try row.value(of: "count"), try row.value(of: "last"))
    }

    func physicalColumns(of table: String) throws -> [String] {
        try String.fetchAll(database, sql: "SELECT name FROM pragma_table_info(?) ORDER BY cid", arguments: [table])
    }

    // MARK: The server's own tables

    private mutating func checkOwners() throws {
        for table in WriteTransaction.tables where table != "lachesis_batteries" {
            try checkOwners(of: table, in: "lachesis_batteries", "battery")
        }
        for table in ["lachesis_versions", "lachesis_files", "lachesis_progress", "lachesis_checkpoints"] {
            try checkOwners(of: table, in: "lachesis_estimators", "estimator")
        }
    }

    private mutating func checkOwners(of table: String, in owners: String, _ word: String) throws {
        let strays = try Int64.fetchOne(
            database, sql: "SELECT count(*) FROM \(table) WHERE battery NOT IN (SELECT battery FROM \(owners))")
        if let strays, strays > 0 { found("the table '\(table)' has \(strays) rows that belong to no \(word)") }
    }

    private mutating func checkCounters() throws {
        let numbers = [
            (Counter.batteries, "SELECT coalesce(max(battery), 0) FROM lachesis_batteries"),
            (.checkpoints, "SELECT coalesce(max(id), 0) FROM lachesis_checkpoints"), (.doomed, "SELECT 0"),
            (.sessions, "SELECT 0"), (.tokens, "SELECT coalesce(max(id), 0) FROM lachesis_tokens"),
        ]
        for (counter, greatest) in numbers {
            let isRight = try Bool.fetchOne(
                database, sql: "SELECT value >= (\(greatest)) FROM lachesis_settings WHERE name = ?",
                arguments: [counter.rawValue])
            if isRight != true { found("the count of \(counter.rawValue) is lost or behind") }
        }
    }
}
