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
        let complete = Chunk.complete(limit)
        guard complete > 0 else { return 0 }
        let known = try SummaryReader(transaction.database, table)
            .column(RowTable.sequencePosition, chunks: 0...complete - 1)
        var done = 0
        for (chunk, blocks) in known.chunks.enumerated() where blocks == nil {
            try summarize(chunk: Int64(chunk))
            done += 1
            if done == count { break }
        }
        return done
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
        let names = [SQLName.sequence] + columns.map { quoted($0.name) }
        let empty = Array(repeating: Extremes(), count: Chunk.blocks)
        var summaries = Array(repeating: empty, count: names.count)
        let range = Chunk.range(chunk)
        let rows = try range.statement(
            transaction.database, "SELECT \(names.joined(separator: ", ")) FROM \(quoted(table.name))",
            RowSelection(), of: table)
        defer { rows.clear() }
        while try rows.step() {
            let sequence = rows.integer(at: 0)
            let block = Int((sequence - 1 - range.lower) / Chunk.blockRows)
            for column in summaries.indices { summaries[column][block].add(rows.number(at: CInt(column)), sequence) }
        }
        for (position, blocks) in zip([RowTable.sequencePosition] + columns.map(\.position), summaries) {
            try write(blocks, position: position, chunk: chunk)
        }
    }

    /// A column without any number has no row, save the sequence.
    private func write(_ blocks: [Extremes], position: Int64, chunk: Int64) throws {
        let isWritten = position == RowTable.sequencePosition || blocks.contains { $0.count > 0 }
        let statement = try RawStatement(
            transaction.database,
            isWritten
                ? "INSERT OR REPLACE INTO lachesis_summaries VALUES (?1, ?2, ?3, ?4, ?5)"
                : "DELETE FROM lachesis_summaries WHERE battery = ?1 AND source = ?2 AND position = ?3 AND chunk = ?4")
        defer { statement.clear() }
        try statement.bind(table.battery.id, at: 1)
        try statement.bind(table.kind.rawValue, at: 2)
        try statement.bind(position, at: 3)
        try statement.bind(chunk, at: 4)
        if isWritten { try Chunk.encode(blocks, chunk: chunk).withUnsafeBytes { try statement.bind($0, at: 5) } }
        try statement.run()
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
