internal import GRDB
internal import LachesisModel

/// Writes a batch of records into one battery's table, within a transaction.
struct RecordAppender {
    private let transaction: WriteTransaction
    private let name: BatteryName
    /// As it was before the batch; nil until the battery's first record makes it.
    private var battery: BatteryEntry?
    private var schema: TableSchema
    /// Of the latest record; 0 before the first, when there is no table yet.
    private var sequence: Int64
    private var openChunk: OpenChunk?
    private var tail: RecordTail
    private let columnLimit: Int
    /// Whether the records at hand are few enough to be kept for the battery's estimator.
    private var keepsTail = false
    /// The record at hand, as its columns take it.
    private var admitted: [Value] = []
    /// Records that are counted and not yet inserted, one after another, and when they came; all have the same columns.
    private var gathered: (values: [Value], received: [Double]) = ([], [])
    /// So many are inserted before others are gathered: the memory they take does not depend on what a sender sends at once.
    private static let mostGathered = 1_024
    private(set) var stored = 0
    private var lastReceived: Double?

    /// - Throws: `Refusal` if the name is not to be had.
    init(_ transaction: WriteTransaction, battery name: BatteryName, columnLimit: Int) throws(Refusal) {
        (self.transaction, self.name, self.columnLimit) = (transaction, name, columnLimit)
        battery = try transaction.battery(name)
        schema = battery?.schema ?? TableSchema(limit: columnLimit)
        sequence = battery?.lastSequence ?? 0
        lastReceived = battery?.lastReceived
        openChunk = battery?.openChunk
        tail = battery?.tail ?? RecordTail()
    }

    /// The battery with what was appended; nil if it does not exist yet.
    var entry: BatteryEntry? {
        guard var entry = battery else { return nil }
        entry.schema = schema
        entry.lastSequence = sequence
        entry.lastReceived = lastReceived
        entry.openChunk = openChunk
        entry.tail = tail
        entry.records += Int64(stored)
        return entry
    }

    /// Writes the records of the batch up to the first that cannot be stored.
    /// - Returns: why that one cannot be stored; nil if all are.
    mutating func append(_ batch: RecordBatch) throws -> RecordRefusal? {
        keepsTail = battery?.estimator != nil && batch.count <= RecordTail.capacity
        if !keepsTail { tail.clear() }
        for run in batch.runs {
            if let refusal = try append(run) { return refusal }
        }
        return nil
    }

    /// The first record of the batch that cannot be stored; nil if all can be. Nothing is written.
    func refused(in batch: RecordBatch) -> RefusedRecord? {
        var (trial, number) = (schema, 0)
        for run in batch.runs {
            let keys = run.layout.keys
            do throws(RecordRefusal) {
                number += 1
                var positions: [Int?] = []
                for key in keys { positions.append(try trial.position(of: key)) }
                number -= 1
                for record in run.received.indices {
                    number += 1
                    for (value, position) in zip(run.values[record * keys.count..<(record + 1) * keys.count], positions)
                    {
                        if let position { _ = try trial.admit(value, at: position) }
                    }
                }
            } catch {
                return RefusedRecord(number: number, refusal: error)
            }
        }
        return nil
    }

    private mutating func append(_ run: RecordBatch.Run) throws -> RecordRefusal? {
        let keys = run.layout.keys
        var positions: [Int?] = []
        /// Those of `positions` that are columns.
        var columns: [Int]?
        for (record, received) in run.received.enumerated() {
            // The record is tried on a copy, so that a refused one leaves no column behind.
            var trial = schema
            do throws(RecordRefusal) {
                if record == 0 {
                    for key in keys { positions.append(try trial.position(of: key)) }
                }
                try admit(run.values[record * keys.count..<(record + 1) * keys.count], at: positions, &trial)
            } catch {
                if let columns { try insertGathered(at: columns) }
                return error
            }
            if sequence == 0 || trial.revision != schema.revision { try adopt(trial) }
            let places = columns ?? positions.compactMap(\.self)
            columns = places
            try gather(received, at: places)
        }
        if let columns { try insertGathered(at: columns) }
        return nil
    }

    private mutating func admit(
        _ values: ArraySlice<Value>, at positions: [Int?], _ schema: inout TableSchema
    ) throws(RecordRefusal) {
        admitted.removeAll(keepingCapacity: true)
        for (value, position) in zip(values, positions) {
            if let position { admitted.append(try schema.admit(value, at: position)) }
        }
    }

    /// Counts the record at hand, and gathers it with those to be inserted.
    private mutating func gather(_ received: Double, at positions: [Int]) throws {
        gathered.values.append(contentsOf: admitted)
        gathered.received.append(received)
        sequence += 1
        stored += 1
        lastReceived = received
        if keepsTail { tail.append(admitted, at: positions, received: received, sequence: sequence) }
        try summarize(received, at: positions)
        if gathered.received.count == Self.mostGathered { try insertGathered(at: positions) }
    }

    /// - Parameter positions: of the records' columns in the schema.
    private mutating func insertGathered(at positions: [Int]) throws {
        let (count, width) = (gathered.received.count, positions.count)
        let before = sequence - Int64(count)
        let columns = positions.map { schema.columns[$0].name } + [KnownColumns.received]
        try RowInsertion(transaction, "INSERT", into: name.text, columns: columns)
            .insert(count) { row, statement, first in
                try statement.bind(before + Int64(row) + 1, at: first)
                for column in 0..<width {
                    try statement.bind(gathered.values[row * width + column], at: first + 1 + CInt(column))
                }
                try statement.bind(gathered.received[row], at: first + 1 + CInt(width))
            }
        gathered.values.removeAll(keepingCapacity: true)
        gathered.received.removeAll(keepingCapacity: true)
    }

    /// Adds the record at hand to its chunk, which is written once it is complete.
    private mutating func summarize(_ received: Double, at positions: [Int]) throws {
        if sequence % Chunk.rows == 1 { openChunk = OpenChunk() }
        openChunk?.add(admitted, at: positions, received: received, sequence: sequence)
        guard sequence % Chunk.rows == 0, let complete = openChunk, let battery else { return }
        openChunk = nil
        try ChunkWriter(transaction: transaction, table: RowTable(recordsOf: battery))
            .write(complete.summaries, chunk: Chunk.number(of: sequence))
    }

    // MARK: Schema

    /// Brings the tables to the schema that the record at hand asks for.
    private mutating func adopt(_ wanted: TableSchema) throws {
        let battery = try self.battery ?? transaction.makeBattery(name, columnLimit: columnLimit)
        let database = transaction.database
        if sequence == 0 { try makeTable(wanted, battery: battery.id) }
        for (position, column) in wanted.columns.enumerated() {
            let old = position < schema.columns.count ? schema.columns[position] : nil
            if old == nil, sequence > 0 { try addColumn(column.name, battery: battery.id) }
            if old != column {
                try database.execute(
                    sql: "INSERT OR REPLACE INTO lachesis_columns VALUES (?, ?, ?, ?, ?)",
                    arguments: [battery.id, position, column.name, column.type.rawValue, column.isProvisional])
            }
        }
        schema = wanted
        self.battery = battery
    }

    /// Makes the table, with `test_time` and its index even where no record has it yet: a record that brings it late would
    /// otherwise have a large table indexed while everybody waits.
    private func makeTable(_ schema: TableSchema, battery: Int64) throws {
        var names = schema.columns.map(\.name)
        if !names.contains(where: Self.isTime) { names.append(KnownColumns.testTime) }
        let columns = [SQLName.sequence + " INTEGER PRIMARY KEY"] + names.map(quoted) + [KnownColumns.received]
        try transaction.database.execute(
            sql: "CREATE TABLE \(quoted(name.text)) (\(columns.joined(separator: ", ")))")
        if names.contains(KnownColumns.testTime) { try makeIndex(battery) }
    }

    private func addColumn(_ column: String, battery: Int64) throws {
        let database = transaction.database
        if Self.isTime(column) {
            let isThere = try Bool.fetchOne(
                database, sql: "SELECT count(*) FROM pragma_table_info(?) WHERE name = ? COLLATE NOCASE",
                arguments: [name.text, column])
            if isThere == true { return }
        }
        try database.execute(sql: "ALTER TABLE \(quoted(name.text)) ADD COLUMN \(quoted(column))")
        // Only a table that the first version of the server made has no such column yet.
        if column == KnownColumns.testTime { try makeIndex(battery) }
    }

    private func makeIndex(_ battery: Int64) throws {
        try transaction.database.execute(
            sql: "CREATE INDEX \(SQLName.timeIndex(of: battery)) ON \(quoted(name.text)) (\(KnownColumns.testTime))")
    }

    /// Whether SQLite takes the name for `test_time`.
    private static func isTime(_ column: String) -> Bool { asciiLowercased(column) == KnownColumns.testTime }
}
