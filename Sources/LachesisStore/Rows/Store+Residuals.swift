internal import GRDB
package import LachesisModel

/// What was measured less what an estimator had predicted for it.
package struct Residual: Sendable, Equatable {
    package let sequence: Int64
    /// s; NaN for a record without one.
    package let time: Double
    /// In the column's unit; NaN where nothing was measured.
    package let difference: Double
    /// Standard deviation of the prediction, √S: NaN where there is none.
    package let deviation: Double
}

extension Store {
    /// A range of more estimates than this is not looked through: some of its rows are taken, and not the greatest residuals.
    private static let readableRows: Int64 = 1 << 18

    /// Residuals of one output of a battery's estimator, by sequence, thinned to at most so many: the least and the greatest in
    /// equal parts of the range, or, of very long ranges, those where the prediction is least and greatest.
    /// - Parameters:
    ///   - measured: name of the column that the output predicts.
    ///   - output: position among the estimator's outputs.
    ///   - selection: its bounds of time and sequence, and `points`, from 1.
    /// - Throws: `StoreError`: `.unknownBattery`, `.unknownEstimator`, `.unknownColumn` if there is no such column or output.
    package func residuals(
        of name: BatteryName, measured: String, output: Int, _ selection: RowSelection
    ) async throws(StoreError) -> [Residual] {
        let battery = try knownEntry(of: name)
        guard let estimator = battery.estimator else {
            throw .unknownEstimator(name)
        }
        guard (0..<estimator.table.outputs).contains(output) else {
            throw StoreError(.unknownColumn, "the estimator has no output \(output)")
        }
        guard battery.schema.contains(measured) else {
            throw StoreError(.unknownColumn, "there is no column '\(measured)'")
        }
        let table = RowTable(estimatesOf: battery, by: estimator)
        let first = 1 + 2 * estimator.table.states + 2 * output
        let query = ResidualQuery(
            estimates: table, records: battery.name.text, measured: measured, mean: table.columns[first].name,
            deviation: table.columns[first + 1].name)
        let points = max(1, selection.points ?? 1)
        let range = try await read(table) { database in
            try SummaryReader(database, table).narrowed(SequenceRange(selection, of: table), to: selection)
        }
        if range.span <= Self.readableRows {
            return try await read(table) { try query.extremes($0, range, selection, points: points) }
        }
        var thinned = selection
        thinned.columns = [query.mean, query.deviation]
        thinned.points = points
        var (rows, sequences) = (try history(of: name, thinned), [Int64]())
        while let page = try await rows.next() {
            for row in page { if case .integer(let sequence)? = row.first { sequences.append(sequence) } }
        }
        let chosen = sequences
        return try await read(table) { try query.rows($0, chosen) }
    }
}

/// The SQL behind `residuals`: estimates beside the records that they are of.
private struct ResidualQuery: Sendable {
    let estimates: RowTable
    /// Name of the records' table.
    let records: String
    let measured: String
    let mean: String
    let deviation: String

    private var sql: String {
        let sequence = SQLName.sequence
        return """
            SELECT e.\(sequence), e.\(KnownColumns.testTime), r.\(quoted(measured)) - e.\(quoted(mean)), e.\(quoted(deviation))
            FROM \(quoted(estimates.name)) e NOT INDEXED JOIN \(quoted(records)) r ON r.\(sequence) = e.\(sequence)
            WHERE e.\(sequence)
            """
    }

    /// Reads all of a range, and keeps those that stand for it.
    func extremes(
        _ database: Database, _ range: SequenceRange, _ bounds: RowSelection, points: Int
    ) throws -> [Residual] {
        let statement = try RawStatement(database, "\(sql) > ?1 AND e.\(SQLName.sequence) <= ?2 ORDER BY 1")
        defer { statement.clear() }
        try statement.bind(range.lower, at: 1)
        try statement.bind(range.upper, at: 2)
        var rows: [Residual] = []
        while try statement.step() {
            let row = Self.residual(statement)
            if bounds.contains(time: row.time) { rows.append(row) }
        }
        guard rows.count > points else { return rows }
        var thinning = Thinning(range, columns: 1, points: points)
        for row in rows {
            thinning.addRow(row.sequence, time: row.time)
            thinning.add(Extremes.Place(value: row.difference, sequence: row.sequence), column: 0)
        }
        let chosen = Set(thinning.chosen)
        return rows.filter { chosen.contains($0.sequence) }
    }

    func rows(_ database: Database, _ sequences: [Int64]) throws -> [Residual] {
        let statement = try RawStatement(database, "\(sql) = ?1")
        defer { statement.clear() }
        var rows: [Residual] = []
        for sequence in sequences {
            try statement.bind(sequence, at: 1)
            if try statement.step() { rows.append(Self.residual(statement)) }
            statement.clear()
        }
        return rows
    }

    private static func residual(_ statement: RawStatement) -> Residual {
        Residual(
            sequence: statement.integer(at: 0), time: statement.number(at: 1), difference: statement.number(at: 2),
            deviation: statement.number(at: 3))
    }
}
