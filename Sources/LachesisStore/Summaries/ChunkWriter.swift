internal import GRDB
internal import LachesisModel

/// Keeps a table's rows in `lachesis_summaries`, within a transaction.
struct ChunkWriter {
    let transaction: WriteTransaction
    let table: RowTable

    /// Summarizes complete chunks that are not yet.
    /// - Parameters:
    ///   - limit: of the sequences that may be summarized.
    ///   - count: chunks at most.
    /// - Returns: how many it summarized.
    func summarize(upTo limit: Int64, count: Int) throws -> Int {
        let missing = try missing(below: Chunk.complete(limit), count: count)
        for chunk in missing { try summarize(chunk: chunk) }
        return missing.count
    }

    /// The first chunks that are not summarized.
    private func missing(below limit: Int64, count: Int) throws -> [Int64] {
        let known = try Int64.fetchCursor(
            transaction.database.cachedStatement(
                sql: """
                    SELECT chunk FROM lachesis_summaries WHERE battery = ? AND source = ? AND position = ?
                    ORDER BY chunk
                    """),
            arguments: [table.battery.id, table.kind.rawValue, RowTable.sequencePosition])
        var (missing, next): ([Int64], Int64) = ([], 0)
        // A replay has the limit below chunks that are known.
        while missing.count < count, next < limit {
            let chunk = try known.next() ?? limit
            missing += next..<min(chunk, limit)
            next = chunk + 1
        }
        return Array(missing.prefix(count))
    }

    /// Forgets that the chunks of these sequences were summarized, because their rows are about to change.
    func forget(_ sequences: ClosedRange<Int64>) throws {
        try transaction.database.cachedStatement(
            sql: """
                DELETE FROM lachesis_summaries
                WHERE battery = ? AND source = ? AND position = ? AND chunk BETWEEN ? AND ?
                """
        ).execute(arguments: [
            table.battery.id, table.kind.rawValue, RowTable.sequencePosition,
            Chunk.number(of: sequences.lowerBound), Chunk.number(of: sequences.upperBound),
        ])
    }

    private func summarize(chunk: Int64) throws {
        let columns = table.columns.filter { $0.type != .text }
        let positions = [RowTable.sequencePosition] + columns.map(\.position)
        let names = [SQLName.sequence] + columns.map { quoted($0.name) }
        let range = Chunk.range(chunk)
        let rows = try range.statement(
            transaction.database, "SELECT \(names.joined(separator: ", ")) FROM \(quoted(table.name))",
            RowSelection(), of: table)
        defer { rows.clear() }
        let none = Array(repeating: Extremes(), count: positions.count)
        /// `[block][column]`
        var blocks = Array(repeating: none, count: Chunk.blocks)
        var (block, current) = (0, none)
        while try rows.step() {
            let sequence = rows.integer(at: 0)
            let next = Int((sequence - 1 - range.lower) / Chunk.blockRows)
            if next != block {
                blocks[block] = current
                (block, current) = (next, none)
            }
            for column in current.indices { current[column].add(rows.place(at: CInt(column), sequence)) }
        }
        blocks[block] = current
        try write(
            positions.enumerated().map { column, position in (position, blocks.map { $0[column] }) }, chunk: chunk)
    }

    /// Writes a chunk's summary in the place of what was there.
    /// - Parameter columns: with the positions that `RowTable` has. One without any number has no row, save the sequence.
    func write(_ columns: [(position: Int64, blocks: [Extremes])], chunk: Int64) throws {
        let database = transaction.database
        let insertion = try RawStatement(
            database, "INSERT OR REPLACE INTO lachesis_summaries VALUES (?1, ?2, ?3, ?4, ?5)")
        let deletion = try RawStatement(
            database,
            "DELETE FROM lachesis_summaries WHERE battery = ?1 AND source = ?2 AND position = ?3 AND chunk = ?4")
        defer {
            insertion.clear()
            deletion.clear()
        }
        for (position, blocks) in columns {
            let isWritten = position == RowTable.sequencePosition || blocks.contains { $0.count > 0 }
            let statement = isWritten ? insertion : deletion
            try statement.bind(table.battery.id, at: 1)
            try statement.bind(table.kind.rawValue, at: 2)
            try statement.bind(position, at: 3)
            try statement.bind(chunk, at: 4)
            if isWritten {
                try Chunk.encode(blocks, chunk: chunk).withUnsafeBytes { try statement.bind($0, at: 5) }
            }
            try statement.run()
        }
    }
}

extension WriteTransaction {
    /// Forgets all summaries of a battery's estimates, whose table is about to go.
    func forgetEstimateSummaries(of battery: Int64) throws {
        try database.execute(
            sql: "DELETE FROM lachesis_summaries WHERE battery = ? AND source = ?",
            arguments: [battery, RowTable.Kind.estimates.rawValue])
    }
}
