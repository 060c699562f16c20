internal import GRDB
internal import LachesisModel

/// Rows that stand for all of a range, by `Thinning`: exact, whatever the number of rows, because whole blocks of them are known
/// by their extremes from `lachesis_summaries`.
struct ThinnedQuery: RowQuery {
    private enum Phase {
        /// The range is to be found.
        case start
        /// The rows behind a sequence are to be looked at.
        case looking(Thinning, behind: Int64)
        /// All rows are few enough.
        case all(SequenceRange)
        case chosen([Int64])
        case listing(ListQuery)
    }

    /// Chunks that are looked at in one read: few enough that it does not take long even if all their rows must be read.
    private static let chunksAtOnce: Int64 = 64

    private let table: RowTable
    private let columns: SelectedColumns
    private var bounds: RowSelection
    private let points: Int
    private let isByTime: Bool
    /// Columns whose extremes are kept: the numeric ones that are asked for, save times, by which rows are ordered; if there is
    /// none, the sequence.
    private let measured: [RowTable.Column]
    private var phase = Phase.start

    init(_ table: RowTable, _ columns: SelectedColumns, _ bounds: RowSelection, points: Int, isByTime: Bool) {
        (self.table, self.columns, self.bounds, self.points) = (table, columns, bounds, points)
        self.isByTime = isByTime
        let measured = columns.stored.filter { column in
            column.type != .text && column.position != table.timePosition
                && column.position != RowTable.receivedPosition
        }
        let sequence = RowTable.Column(name: SQLName.sequence, type: .integer, position: RowTable.sequencePosition)
        self.measured = measured.isEmpty ? [sequence] : measured
    }

    var isAtEnd: Bool {
        if case .listing(let list) = phase { list.isAtEnd } else { false }
    }

    mutating func fill(_ page: inout PageBuilder, _ database: Database) throws {
        switch phase {
        case .start: phase = try begin(database)
        case .looking(var thinning, let sequence):
            // Lets go of the old value, so that the new one is changed in place.
            phase = .start
            let chunk = Chunk.number(of: sequence + 1) + Self.chunksAtOnce
            let part = SequenceRange(lower: sequence, upper: min(thinning.range.upper, Chunk.range(chunk).lower))
            try look(at: part, &thinning, database)
            phase = part.upper < thinning.range.upper ? .looking(thinning, behind: part.upper) : end(of: thinning)
        case .all(let range): phase = try order(allOf: range, database)
        case .chosen(let sequences): phase = try order(sequences, database)
        case .listing(var list):
            try list.fill(&page, database)
            phase = .listing(list)
        }
    }

    private mutating func begin(_ database: Database) throws -> Phase {
        if isByTime, let limit = bounds.limit {
            bounds.from = try TimePlace(of: limit, fromEndOf: table, bounds, database)
            if let time = bounds.from?.time { bounds.start = time }
        }
        var range = try SummaryReader(database, table)
            .narrowed(SequenceRange(bounds, of: table), to: bounds)
        if !isByTime, let limit = bounds.limit {
            range =
                bounds.after == nil
                ? try range.newest(limit, bounds, of: table, database)
                : try range.oldest(limit, bounds, of: table, database)
        }
        if range.span <= Int64(points) { return .all(range) }
        return .looking(Thinning(range, columns: measured.count, points: points), behind: range.lower)
    }

    private func end(of thinning: Thinning) -> Phase {
        thinning.count <= points ? .all(thinning.range) : .chosen(thinning.chosen)
    }

    // MARK: Looking

    private func look(at range: SequenceRange, _ thinning: inout Thinning, _ database: Database) throws {
        guard thinning.isOfBlocks else { return try read(range, &thinning, database) }
        var unread: SequenceRange?
        for block in try summarized(range, &thinning, database) {
            let part = Chunk.range(ofBlock: block).intersection(range)
            if let run = unread, run.upper != part.lower { try read(run, &thinning, database) }
            unread = SequenceRange(
                lower: unread?.upper == part.lower ? unread?.lower ?? 0 : part.lower, upper: part.upper)
        }
        if let unread { try read(unread, &thinning, database) }
    }

    /// Takes what is known of whole blocks.
    /// - Returns: the other blocks, whose rows must be read, ascending.
    private func summarized(
        _ range: SequenceRange, _ thinning: inout Thinning, _ database: Database
    ) throws -> [Int64] {
        let reader = SummaryReader(database, table)
        let chunks = Chunk.number(of: range.lower + 1)...Chunk.number(of: range.upper)
        let rows = try reader.column(RowTable.sequencePosition, chunks: chunks)
        let times = try table.timePosition.map { try reader.column($0, chunks: chunks) }
        var (known, unread): ([Int64], [Int64]) = ([], [])
        for block in Chunk.block(of: range.lower + 1)...Chunk.block(of: range.upper) {
            let whole = Chunk.range(ofBlock: block)
            guard whole.intersection(thinning.range) == whole, let count = rows[block: block] else {
                unread.append(block)
                continue
            }
            let time = times?[block: block] ?? Extremes()
            switch within(time, of: count.count, behind: whole.lower) {
            case true?:
                thinning.addBlock(rows: count, times: time)
                known.append(block)
            case false?: break
            case nil: unread.append(block)
            }
        }
        for (index, column) in measured.enumerated() where !known.isEmpty {
            let values = try reader.column(column.position, chunks: chunks)
            for block in known {
                if let extremes = values[block: block] { thinning.add(extremes, column: index) }
            }
        }
        return unread
    }

    /// Whether all rows of a block are within the bounds of time: true, none: false, some: nil.
    private func within(_ times: Extremes, of rows: Int, behind sequence: Int64) -> Bool? {
        if let from = bounds.from, sequence < from.sequence {
            let isLater = from.time.map { times.count > 0 && times.least.value > $0 } ?? (times.count == rows)
            if !isLater { return times.count > 0 && times.greatest.value < from.time ?? -.infinity ? false : nil }
        }
        guard bounds.isTimeBounded else { return true }
        let (start, end) = (bounds.start ?? -.infinity, bounds.end ?? .infinity)
        if times.count == 0 || times.greatest.value < start || times.least.value > end { return false }
        return times.count == rows && times.least.value >= start && times.greatest.value <= end ? true : nil
    }

    private func read(_ range: SequenceRange, _ thinning: inout Thinning, _ database: Database) throws {
        let names = [SQLName.sequence, table.time] + measured.map { quoted($0.name) }
        let statement = try range.statement(
            database, "SELECT \(names.joined(separator: ", ")) FROM \(quoted(table.name))", bounds, of: table)
        defer { statement.clear() }
        while try statement.step() {
            let sequence = statement.integer(at: 0)
            thinning.addRow(sequence, time: statement.number(at: 1))
            for column in measured.indices {
                thinning.add(statement.place(at: CInt(column + 2), sequence), column: column)
            }
        }
    }

    // MARK: Order

    private func order(allOf range: SequenceRange, _ database: Database) throws -> Phase {
        guard !range.isEmpty else { return list([]) }
        let statement = try range.statement(
            database, "SELECT \(SQLName.sequence), \(table.time) FROM \(quoted(table.name))", bounds, of: table)
        defer { statement.clear() }
        var places: [Extremes.Place] = []
        while try statement.step() {
            places.append(Extremes.Place(value: statement.number(at: 1), sequence: statement.integer(at: 0)))
        }
        return list(places)
    }

    private func order(_ sequences: [Int64], _ database: Database) throws -> Phase {
        guard isByTime else { return .listing(ListQuery(table, columns, sequences)) }
        let statement = try RawStatement(
            database, "SELECT \(table.time) FROM \(quoted(table.name)) WHERE \(SQLName.sequence) = ?1")
        defer { statement.clear() }
        return list(
            try sequences.map { sequence in
                defer { statement.clear() }
                try statement.bind(sequence, at: 1)
                return Extremes.Place(value: try statement.step() ? statement.number(at: 0) : .nan, sequence: sequence)
            })
    }

    /// Rows without a time come first, as where rows are not thinned.
    private func list(_ places: [Extremes.Place]) -> Phase {
        guard isByTime else { return .listing(ListQuery(table, columns, places.map(\.sequence))) }
        let timed = places.map { place in
            Extremes.Place(value: place.value.isNaN ? -.infinity : place.value, sequence: place.sequence)
        }
        let sorted = timed.sorted { ($0.value, $0.sequence) < ($1.value, $1.sequence) }
        return .listing(ListQuery(table, columns, sorted.map(\.sequence)))
    }
}
