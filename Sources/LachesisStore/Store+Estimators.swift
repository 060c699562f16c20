internal import Foundation
internal import GRDB
package import LachesisModel

extension Store {
    /// All estimators as last committed, by battery; from memory.
    package func estimators() -> [RegisteredEstimator] { catalogue.all().compactMap { $0.estimator?.registered } }

    /// The battery's estimator as last committed, from memory; nil if it has none.
    package func estimator(of name: BatteryName) -> RegisteredEstimator? {
        catalogue.entry(of: name)?.estimator?.registered
    }

    /// Version that the battery's next registration will bear; a battery that was deleted and made again goes on counting.
    package func nextVersion(of name: BatteryName) async throws(StoreError) -> Int {
        try await queue.perform(on: name) { try $0.lastVersion(of: name) + 1 }
    }

    /// Keeps a script whose estimator was built, in the place of the battery's last: its version counts one up, its cursor is
    /// where the registration lets it start, its table of estimates is made anew, and the last one's checkpoints are gone. A
    /// battery that is new is made.
    /// - Parameters:
    ///   - snapshot: the estimator's state before any record.
    ///   - acceleration: as the estimator's first worker told; nil if it is not known.
    ///   - epoch: of the assignment in which it was built; results of older ones change nothing.
    /// - Throws: `StoreError`: `.nameClash` if the name's table would be another's, `.unstorable` if there are more states than
    ///   columns of a table, `.full`, `.io`. The battery's last estimator stays then.
    package func register(
        _ registration: Registration, description: EstimatorDescription, snapshot: Snapshot,
        acceleration: AccelerationState? = nil, epoch: UInt64
    ) async throws(StoreError) -> RegisteredEstimator {
        let (columnLimit, time) = (Self.columnLimit(limits), Date().timeIntervalSince1970)
        let bytes = registration.files.reduce(registration.definition.utf8.count) { $0 + $1.content.count }
        let registered = try await queue.perform(weight: 1 + bytes / 1024, on: registration.battery) { transaction in
            try EstimatorWriter(transaction: transaction).register(
                registration, description: description, snapshot: snapshot, acceleration: acceleration, epoch: epoch,
                time: time, columnLimit: columnLimit)
        }
        sweeper.wake()
        return registered
    }

    /// Writes what a worker made of records: estimates, the cursor with its snapshot, and a checkpoint, of which the last two
    /// that were written are kept.
    /// - Returns: false if the registration is no longer of this version, or if a later epoch has written: then nothing is written.
    /// - Throws: `StoreError` `.unstorable` if the rows have not the estimator's shape, `.full`, `.io`.
    package func commit(_ commit: EstimateCommit) async throws(StoreError) -> Bool {
        let bytes = commit.checkpoint?.state.count ?? 0
        let weight = 1 + commit.rows.sequences.count + bytes / 1024
        return try await queue.perform(weight: weight, on: commit.battery) { transaction in
            try EstimatorWriter(transaction: transaction).commit(commit)
        }
    }

    /// What the scientist uploaded last.
    /// - Throws: `StoreError`: `.unknownBattery`, `.unknownEstimator` if there is none.
    package func registration(of name: BatteryName) async throws(StoreError) -> Registration {
        try await read(knownEntry(of: name)) { database, battery in
            guard let version = battery.estimator?.registered.version else {
                throw StoreError.unknownEstimator(name)
            }
            return try VersionHistory(database: database).registration(of: battery, version: version)
        }
    }

    /// The next records behind a sequence, as an estimator reads them.
    /// - Parameters:
    ///   - columns: names; a column that the battery has not gives NaN.
    ///   - limit: records at most.
    /// - Returns: the named columns, in this order; NaN where there is no number. Integers beyond 2⁵³ become the nearest double.
    /// - Throws: `StoreError` `.unknownBattery`.
    package func records(
        of name: BatteryName, after sequence: Int64, columns: [String], limit: Int
    ) async throws(StoreError) -> RecordMatrix {
        let entry = try knownEntry(of: name)
        guard entry.lastSequence > sequence, limit > 0 else { return RecordMatrix() }
        if let known = entry.tail.records(after: sequence, places: columns.map(entry.place), limit: limit) {
            return known
        }
        let list = [SQLName.sequence] + columns.map { entry.spelling(of: $0).map(quoted) ?? "NULL" }
        let sql = """
            SELECT \(list.joined(separator: ", ")) FROM \(quoted(name.text))
            WHERE \(SQLName.sequence) > ? ORDER BY \(SQLName.sequence) LIMIT ?
            """
        return try await read(entry) { database, _ in
            let statement = try RawStatement(database, sql)
            try statement.bind(sequence, at: 1)
            try statement.bind(Int64(limit), at: 2)
            var matrix = RecordMatrix()
            while try statement.step() {
                matrix.sequences.append(statement.integer(at: 0))
                for column in columns.indices { matrix.values.append(statement.number(at: CInt(column + 1))) }
            }
            return matrix
        }
    }
}

extension BatteryEntry {
    fileprivate func place(of column: String) -> RecordTail.Place {
        if column == KnownColumns.received { return .received }
        return schema.columns.firstIndex { $0.name == column }.map { .column($0) } ?? .nowhere
    }

    /// The column's name as the table has it, which may be in another of Unicode's normal forms; nil if there is none.
    fileprivate func spelling(of column: String) -> String? {
        column == KnownColumns.received ? column : schema.column(named: column)?.name
    }
}
