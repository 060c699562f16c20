internal import GRDB
internal import LachesisModel

/// Reads what `lachesis_summaries` has of one table.
struct SummaryReader {
    private let database: Database
    private let table: RowTable

    init(_ database: Database, _ table: RowTable) { (self.database, self.table) = (database, table) }

    /// A column's blocks in some chunks.
    struct Column {
        /// By the chunk's number, less the first one; nil where there is nothing.
        fileprivate(set) var chunks: [[Extremes]?]
        private let first: Int64

        fileprivate init(_ numbers: ClosedRange<Int64>) {
            first = numbers.lowerBound
            chunks = Array(repeating: nil, count: numbers.count)
        }

        fileprivate mutating func set(_ blocks: [Extremes]?, chunk: Int64) { chunks[Int(chunk - first)] = blocks }

        /// nil if the block's chunk is not there.
        subscript(block block: Int64) -> Extremes? {
            chunks[Int(block / Int64(Chunk.blocks) - first)].map { $0[Int(block % Int64(Chunk.blocks))] }
        }
    }

    /// What is known of the column at a position. A chunk that is missing there has no number in the column if it is known of
    /// the sequence, whose count of numbers is the rows'.
    func column(_ position: Int64, chunks: ClosedRange<Int64>) throws -> Column {
        var column = Column(chunks)
        let statement = try RawStatement(
            database,
            """
            SELECT chunk, blocks FROM lachesis_summaries
            WHERE battery = ?1 AND source = ?2 AND position = ?3 AND chunk BETWEEN ?4 AND ?5
            """)
        defer { statement.clear() }
        try statement.bind(table.battery.id, at: 1)
        try statement.bind(table.kind.rawValue, at: 2)
        try statement.bind(position, at: 3)
        try statement.bind(chunks.lowerBound, at: 4)
        try statement.bind(chunks.upperBound, at: 5)
        while try statement.step() {
            let chunk = statement.integer(at: 0)
            column.set(Chunk.decode(statement.bytes(at: 1), chunk: chunk), chunk: chunk)
        }
        return column
    }

    /// The range without the blocks at its ends that have no time within the bounds.
    func narrowed(_ range: SequenceRange, to bounds: RowSelection) throws -> SequenceRange {
        guard bounds.isTimeBounded, let position = table.timePosition, !range.isEmpty else { return range }
        let chunks = Chunk.number(of: range.lower + 1)...Chunk.number(of: range.upper)
        let (rows, times) = (
            try column(RowTable.sequencePosition, chunks: chunks), try column(position, chunks: chunks)
        )
        let matching = try RawStatement(
            database,
            """
            SELECT 1 FROM \(quoted(table.name)) NOT INDEXED WHERE \(SQLName.sequence) > ?1 AND \(SQLName.sequence) <= ?2
            AND \(table.time) >= ?3 AND \(table.time) <= ?4 LIMIT 1
            """)
        defer { matching.clear() }
        func mayMatch(_ block: Int64) throws -> Bool {
            guard rows[block: block] != nil else {
                // The rows of the last chunk, which is not complete: without a look at them every range would reach to the end.
                let part = Chunk.range(ofBlock: block).intersection(range)
                try matching.bind(part.lower, at: 1)
                try matching.bind(part.upper, at: 2)
                try matching.bind(bounds.start ?? -.infinity, at: 3)
                try matching.bind(bounds.end ?? .infinity, at: 4)
                defer { matching.clear() }
                return try matching.step()
            }
            guard let known = times[block: block], known.count > 0 else { return false }
            return known.greatest.value >= bounds.start ?? -.infinity && known.least.value <= bounds.end ?? .infinity
        }
        let blocks = Chunk.block(of: range.lower + 1)...Chunk.block(of: range.upper)
        guard let first = try blocks.first(where: mayMatch), let last = try blocks.last(where: mayMatch) else {
            return SequenceRange(lower: range.upper, upper: range.upper)
        }
        return range.intersection(
            SequenceRange(lower: Chunk.range(ofBlock: first).lower, upper: Chunk.range(ofBlock: last).upper))
    }
}
