internal import Foundation
internal import GRDB
internal import LachesisModel

extension StoreCheck {
    mutating func checkEstimator(of battery: Battery) throws {
        let estimator = try Row.fetchOne(
            database, sql: "SELECT version, description, origin FROM lachesis_estimators WHERE battery = ?",
            arguments: [battery.id])
        guard let estimator else {
            if hasTable(SQLName.estimates(of: battery.name.text)) {
                found("the battery '\(battery.name)' has a table of estimates, but no estimator")
            }
            return
        }
        let origin: Int64 = try estimator.value(of: "origin")
        let cursor = try checkProgress(of: battery, origin: origin)
        try checkEstimates(
            of: battery, description: estimator.value(of: "description"), cursor: cursor)
        try checkCheckpoints(
            of: battery, version: estimator.value(of: "version"), within: origin...max(origin, cursor))
    }

    /// - Returns: the cursor; of an estimator without progress the battery's last sequence.
    private mutating func checkProgress(of battery: Battery, origin: Int64) throws -> Int64 {
        let row = try Row.fetchOne(
            database, sql: "SELECT * FROM lachesis_progress WHERE battery = ?", arguments: [battery.id])
        guard let row else {
            found("the estimator of '\(battery.name)' has no progress")
            return battery.lastSequence
        }
        let cursor = try ProgressRow.read(row).cursor
        if !(0...cursor ~= origin && cursor <= battery.lastSequence) {
            found(
                "the estimator of '\(battery.name)' began at \(origin) and is at \(cursor) of \(battery.lastSequence)")
        }
        return cursor
    }

    private mutating func checkEstimates(of battery: Battery, description: String, cursor: Int64) throws {
        let description = try JSONDecoder().decode(EstimatorDescription.self, from: Data(description.utf8))
        let table = try EstimateTable(battery: battery.name, description: description)
        guard hasTable(table.name) else { return found("the estimator of '\(battery.name)' has no table") }
        if try physicalColumns(of: table.name) != [SQLName.sequence] + table.columns {
            found("the columns of '\(table.name)' are not its estimator's")
        }
        let (count, last) = try extent(of: table.name)
        report.estimates += count
        if last > cursor {
            found("the table '\(table.name)' has an estimate of record \(last), the estimator is at \(cursor)")
        }
    }

    private mutating func checkCheckpoints(of battery: Battery, version: Int, within range: ClosedRange<Int64>) throws {
        let rows = try Row.fetchCursor(
            database, sql: "\(CheckpointRow.selection) WHERE battery = ? ORDER BY id", arguments: [battery.id])
        while let row = try rows.next() {
            report.checkpoints += 1
            let id: Int64 = try row.value(of: "id")
            guard let content = CheckpointRow.content(of: row) else {
                found("the checkpoint \(id) of '\(battery.name)' is not as it was written")
                continue
            }
            if !range.contains(content.cursor) {
                found("the checkpoint \(id) of '\(battery.name)' is at \(content.cursor), outside \(range)")
            }
            if try row.value(of: "version") != version {
                found("the checkpoint \(id) of '\(battery.name)' is another version's")
            }
        }
    }
}
