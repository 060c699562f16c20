internal import Foundation
internal import GRDB
internal import LachesisModel

/// Writes estimators and their results, within a transaction.
struct EstimatorWriter {
    let transaction: WriteTransaction

    /// Puts a registration in the place of the battery's last, and an empty table in the place of its estimates; its
    /// checkpoints go.
    func register(
        _ registration: Registration, description: EstimatorDescription, snapshot: Snapshot,
        acceleration: AccelerationState?, epoch: UInt64, time: Double, columnLimit: Int
    ) throws -> RegisteredEstimator {
        let table = try EstimateTable(battery: registration.battery, description: description)
        var entry =
            try transaction.battery(registration.battery)
            ?? transaction.makeBattery(registration.battery, columnLimit: columnLimit)
        let origin = registration.start == .now ? entry.lastSequence : 0
        var registered = RegisteredEstimator(
            battery: registration.battery, version: try transaction.lastVersion(of: registration.battery) + 1,
            plugin: registration.plugin, description: description,
            origin: origin, cursor: origin, snapshot: snapshot)
        (registered.limits, registered.acceleration) = (registration.limits, registration.acceleration)
        registered.accelerationState = acceleration
        try VersionHistory(database: transaction.database).retire(battery: entry.id)
        try write(registration, as: registered, battery: entry.id, time: time)
        if let old = entry.estimator {
            try transaction.doom(old.table.name)
            try transaction.forgetEstimateSummaries(of: entry.id)
        }
        try make(table)
        entry.estimator = EstimatorEntry(registered: registered, epoch: epoch, table: table)
        transaction.keepProgressed(entry)
        return registered
    }

    private func write(
        _ registration: Registration, as registered: RegisteredEstimator, battery: Int64, time: Double
    ) throws {
        let database = transaction.database
        let description = String(decoding: try JSONEncoder().encode(registered.description), as: UTF8.self)
        try database.execute(
            sql: """
                INSERT OR REPLACE INTO lachesis_estimators (
                    battery, version, plugin, definition, valid_time, seeds_inputs, description, start, origin,
                    limits, registered, acceleration, acceleration_state
                ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                battery, registered.version, registration.plugin, registration.definition, registration.validTime,
                registration.seedsInputs, description, registration.start.rawValue, registered.origin,
                String(decoding: try JSONEncoder().encode(registration.limits), as: UTF8.self), time,
                registration.acceleration.rawValue, try registered.accelerationState.map(Self.text),
            ])
        try database.execute(sql: "DELETE FROM lachesis_checkpoints WHERE battery = ?", arguments: [battery])
        let statement = try RawStatement(database, "INSERT INTO lachesis_files VALUES (?, ?, ?, ?, ?)")
        defer { statement.clear() }
        for (position, file) in registration.files.enumerated() {
            try statement.bind(battery, at: 1)
            try statement.bind(Int64(registered.version), at: 2)
            try statement.bind(Int64(position), at: 3)
            try statement.bind(file.name, at: 4)
            try file.content.withUnsafeBytes { try statement.bind($0, at: 5) }
            try statement.run()
        }
    }

    private static func text(_ state: AccelerationState) throws -> String {
        String(decoding: try JSONEncoder().encode(state), as: UTF8.self)
    }

    private func make(_ table: EstimateTable) throws {
        let columns = [SQLName.sequence + " INTEGER PRIMARY KEY"] + table.columns.map(quoted)
        try transaction.database.execute(sql: "CREATE TABLE \(quoted(table.name)) (\(columns.joined(separator: ", ")))")
    }

    /// Writes a result, unless its version or epoch is stale.
    /// - Returns: whether it is written.
    func commit(_ commit: EstimateCommit) throws -> Bool {
        // A name that clashes belongs to no estimator either, and so its result is stale.
        guard var entry = try? transaction.battery(commit.battery), var estimator = entry.estimator,
            estimator.registered.version == commit.version, estimator.epoch <= commit.epoch
        else { return false }
        try check(commit.rows, against: estimator.table)
        if let first = commit.rows.sequences.first, let last = commit.rows.sequences.last {
            if first <= estimator.registered.cursor {
                let table = RowTable(estimatesOf: entry, by: estimator)
                try ChunkWriter(transaction: transaction, table: table).forget(first...last)
            }
            estimator.lastWritten = last
        }
        try insert(commit.rows, into: estimator.table)
        estimator.epoch = commit.epoch
        if let progress = commit.progress {
            estimator.registered.cursor = progress.cursor
            estimator.registered.snapshot = progress.snapshot
        }
        if let acceleration = commit.acceleration {
            estimator.registered.accelerationState = acceleration
            try transaction.database.execute(
                sql: "UPDATE lachesis_estimators SET acceleration_state = ? WHERE battery = ?",
                arguments: [Self.text(acceleration), entry.id])
        }
        if let checkpoint = commit.checkpoint {
            try CheckpointRow.write(checkpoint, battery: entry.id, version: commit.version, transaction)
        }
        entry.estimator = estimator
        transaction.keepProgressed(entry)
        return true
    }

    private func check(_ rows: EstimateRows, against table: EstimateTable) throws(Refusal) {
        let count = rows.sequences.count
        guard rows.testTimes.count == count, rows.means.count == count * table.states,
            rows.variances.count == count * table.states, rows.outputMeans.count == count * table.outputs,
            rows.outputVariances.count == count * table.outputs
        else { throw Refusal(.unstorable, "estimates of another shape than the table '\(table.name)'") }
    }

    /// A variance below zero, which rounding can make, has no standard deviation: it is written as NULL.
    private func insert(_ rows: EstimateRows, into table: EstimateTable) throws {
        let insertion = RowInsertion(transaction, "INSERT OR REPLACE", into: table.name, columns: table.columns)
        try insertion.insert(rows.sequences.count) { row, statement, first in
            try statement.bind(rows.sequences[row], at: first)
            try statement.bind(rows.testTimes[row], at: first + 1)
            let (states, outputs) = (row * table.states, row * table.outputs)
            var index = first + 2
            for state in states..<states + table.states {
                try statement.bind(rows.means[state], at: index)
                try statement.bind(rows.variances[state].squareRoot(), at: index + CInt(table.states))
                index += 1
            }
            index += CInt(table.states)
            for output in outputs..<outputs + table.outputs {
                try statement.bind(rows.outputMeans[output], at: index)
                try statement.bind(rows.outputVariances[output].squareRoot(), at: index + 1)
                index += 2
            }
        }
    }
}
