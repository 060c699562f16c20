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
        try checkProgress(of: battery, origin: origin)
        try checkEstimates(of: battery, description: estimator.value(of: "description"))
        try checkCheckpoints(of: battery, version: estimator.value(of: "version"), origin: origin)
    }

    private mutating func checkProgress(of battery: Battery, origin: Int64) throws {
        let row = try Row.fetchOne(
            database, sql: "SELECT * FROM lachesis_progress WHERE battery = ?", arguments: [battery.id])
        guard let row else { return found("the estimator of '\(battery.name)' has no progress") }
        let cursor = try ProgressRow.read(row).cursor
        if !(0...cursor ~= origin && cursor <= battery.lastSequence) {
            found(
                "the estimator of '\(battery.name)' began at \(origin) and is at \(cursor) of \(battery.lastSequence)")
        }
    }

    private mutating func checkEstimates(of battery: Battery, description: String) throws {
        let description = try JSONDecoder().decode(EstimatorDescription.self, from: Data(description.utf8))
        let table = try EstimateTable(battery: battery.name, description: description)
        guard hasTable(table.name) else { return found("the estimator of '\(battery.name)' has no table") }
        if try physicalColumns(of: table.name) != [SQLName.sequence] + table.columns {
            found("the columns of '\(table.name)' are not its estimator's")
        }
        let (count, last) = try extent(of: table.name)
        report.estimates += count
        if last > battery.lastSequence {
            found("the table '\(table.name)' has an estimate of record \(last) of \(battery.lastSequence)")
        }
    }

    private mutating func checkCheckpoints(of battery: Battery, version: Int, origin: Int64) throws {
        let rows = try Row.fetchCursor(
            database, sql: "\(CheckpointRow.selection) WHERE battery = ? ORDER BY id", arguments: [battery.id])
        while let row = try rows.next() {
            report.checkpoints += 1
            let id: Int64 = try row.value(of: "id")
            guard let content = CheckpointRow.content(of: row) else {
                found("the checkpoint \(id) of '\(battery.name)' is not as it was written")
                continue
            }
            if !(origin <= content.cursor && content.cursor <= battery.lastSequence) {
                found(
                    "the checkpoint \(id) of '\(battery.name)' is at record \(content.cursor) of \(battery.lastSequence)"
                )
            }
            if try row.value(of: "version") != version {
                found("the checkpoint \(id) of '\(battery.name)' is another version's")
            }
        }
    }
}
