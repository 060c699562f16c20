import GRDB
import LachesisModel
import TestSupport
import Testing

@testable import LachesisStore

/// Thinned rows against what a plain loop over all rows says; and against thinning without what is summarized.
@Suite struct ThinningTests {
    private let cell = try! BatteryName("cell")

    /// A row as the tests know it; values are NaN where there is none.
    private struct Known {
        let sequence: Int64
        let time: Double
        let values: [Double]
    }

    @Test(arguments: 1...6) func recordsAreThinnedExactly(_ seed: UInt64) async throws {
        var generator = SeededGenerator(seed: seed)
        let rows = (1...Int64(14_000)).map { sequence in
            // Some run backwards, some have no time, and each third seed has only these two.
            let jitter = seed % 3 == 0 ? Double.random(in: -9_000...9_000, using: &generator) : 0
            let isTimeless = seed % 2 == 0 && Int.random(in: 0..<40, using: &generator) == 0
            return Known(
                sequence: sequence, time: isTimeless ? .nan : Double(sequence) + jitter.rounded(),
                values: [
                    (Double.random(in: -50...50, using: &generator)).rounded(),
                    sequence % 5_000 < 2_500 ? .nan : .random(in: 0...1, using: &generator),
                ])
        }
        let records: [Record] = rows.map { row in
            [("test_time", .real(row.time)), ("a", .real(row.values[0])), ("b", .real(row.values[1])), ("note", "x")]
                .map { key, value in value.exactDouble?.isNaN == true ? (key, .null) : (key, value) }
        }
        try await withStore { store in
            #expect(try await store.append(batch(records), to: cell, stream: nil).stored == rows.count)
            for _ in 0..<12 {
                try await check(rows, try await selection(&generator), of: .records, in: store)
            }
            try await store.waitForSummaries(3, of: cell)
            for _ in 0..<25 {
                let selection = try await selection(&generator)
                try await check(rows, selection, of: .records, in: store)
            }
        }
    }

    private func selection(_ generator: inout SeededGenerator) async throws -> RowSelection {
        var selection = RowSelection()
        selection.points = [1, 2, 3, 4, 5, 7, 20, 60, 200, 3_000, 20_000].randomElement(using: &generator)
        if Bool.random(using: &generator) { selection.start = Double.random(in: -100...12_000, using: &generator) }
        if Bool.random(using: &generator) { selection.end = Double.random(in: 500...15_000, using: &generator) }
        if Bool.random(using: &generator) { selection.after = Int64.random(in: -5...13_000, using: &generator) }
        if Bool.random(using: &generator) { selection.before = Int64.random(in: 1...15_000, using: &generator) }
        if Int.random(in: 0..<4, using: &generator) == 0 {
            selection.limit = Int.random(in: 0...9_000, using: &generator)
        }
        return selection
    }

    private func check(_ rows: [Known], _ asked: RowSelection, of kind: RowTable.Kind, in store: Store) async throws {
        var asked = asked
        (asked.columns, asked.hasSequence) = (["test_time", "a", "b"], true)
        let reader = try kind == .records ? store.data(of: cell, asked) : store.history(of: cell, asked)
        let found = try await store.all(reader)
        let points = try #require(asked.points)
        var expected = rows.filter { row in
            row.sequence > asked.after ?? .min && row.sequence < asked.before ?? .max && asked.contains(time: row.time)
        }
        let isByTime = kind == .records && !asked.isSequenceBounded
        func key(_ row: Known) -> (Double, Int64) {
            (isByTime ? (row.time.isNaN ? -.infinity : row.time) : 0, row.sequence)
        }
        if let limit = asked.limit {
            let inOrder = expected.sorted { key($0) < key($1) }
            expected = Array(asked.after == nil ? inOrder.suffix(limit) : inOrder.prefix(limit))
            expected.sort { $0.sequence < $1.sequence }
        }
        let description = "\(asked)"
        #expect(found.count <= points, "\(description)")
        let sequences: [Int64] = found.compactMap { if case .integer(let sequence) = $0[0] { sequence } else { nil } }
        let chosen = Set(sequences)
        #expect(chosen.count == found.count)
        let bySequence = Dictionary(uniqueKeysWithValues: expected.map { ($0.sequence, $0) })
        #expect(chosen.allSatisfy { bySequence[$0] != nil }, "\(description)")
        // Order.
        let ordered = chosen.compactMap { bySequence[$0] }.sorted { key($0) < key($1) }.map(\.sequence)
        #expect(sequences == ordered, "\(description)")
        guard expected.count > points else {
            #expect(sequences.count == expected.count, "\(description)")
            return
        }
        // The whole range's own.
        if points >= 2 {
            #expect(chosen.contains(expected[0].sequence) && chosen.contains(expected[expected.count - 1].sequence))
        }
        guard points >= 8 else { return }
        let times = expected.map(\.time).filter { !$0.isNaN }
        if let least = times.min(), let greatest = times.max() {
            let kept = sequences.compactMap { bySequence[$0]?.time }.filter { !$0.isNaN }
            #expect(kept.min() == least && kept.max() == greatest, "\(description)")
        }
        // The numbers of each column: those of all rows, at the least, whatever the buckets are.
        for column in 0..<2 {
            let all = expected.map { $0.values[column] }.filter { !$0.isNaN }
            let kept = sequences.compactMap { bySequence[$0]?.values[column] }.filter { !$0.isNaN }
            #expect(kept.min() == all.min() && kept.max() == all.max(), "\(description)")
        }
        try await checkBuckets(expected, chosen, asked, of: kind, in: store)
    }

    /// Each bucket's extremes are among the chosen rows' values within the bucket.
    private func checkBuckets(
        _ expected: [Known], _ chosen: Set<Int64>, _ asked: RowSelection, of kind: RowTable.Kind, in store: Store
    ) async throws {
        let entry = try #require(store.catalogue.entry(of: cell))
        var table = RowTable(recordsOf: entry)
        if kind == .estimates { table = RowTable(estimatesOf: entry, by: try #require(entry.estimator)) }
        // With a limit by time the range depends on how the blocks lie.
        if kind == .records, !asked.isSequenceBounded, asked.limit != nil { return }
        let range = try await store.read { [table] database in
            let range = try SummaryReader(database, table).narrowed(SequenceRange(asked, of: table), to: asked)
            guard let limit = asked.limit else { return range }
            return asked.after == nil
                ? try range.newest(limit, asked, of: table, database)
                : try range.oldest(limit, asked, of: table, database)
        }
        let thinning = Thinning(range, columns: 2, points: try #require(asked.points))
        for (_, bucket) in Dictionary(grouping: expected, by: { thinning.bucket($0.sequence) }) {
            for column in 0..<2 {
                let all = bucket.map { $0.values[column] }.filter { !$0.isNaN }
                let kept = bucket.filter { chosen.contains($0.sequence) }.map { $0.values[column] }.filter { !$0.isNaN }
                #expect(kept.min() == all.min() && kept.max() == all.max(), "\(asked)")
            }
        }
    }

    /// Eight times alone, so that every place is within a tie; the records of a time stand all over the table.
    @Test func aLimitAmongEqualTimesThinsTheSameRowsThatItTakes() async throws {
        let rows = (1...Int64(9_000)).map { sequence in
            Known(
                sequence: sequence, time: sequence % 9 == 0 ? .nan : Double(sequence % 9),
                values: [Double(sequence * 7_919 % 1_000), 1])
        }
        let records: [Record] = rows.map { row in
            [("test_time", row.time.isNaN ? .null : .real(row.time)), ("a", .real(row.values[0])), ("b", 1)]
        }
        try await withStore { store in
            #expect(try await store.append(batch(records), to: cell, stream: nil).stored == rows.count)
            try await store.waitForSummaries(2, of: cell)
            for limit in [0, 1, 999, 1_000, 1_001, 5_432, 8_001, 8_999, 9_000, 20_000] {
                for points in [10, 300, 20_000] {
                    var selection = RowSelection(limit: limit)
                    selection.points = points
                    try await check(rows, selection, of: .records, in: store)
                    selection.start = 3
                    try await check(rows, selection, of: .records, in: store)
                    selection.after = 1_234
                    try await check(rows, selection, of: .records, in: store)
                }
            }
        }
    }

    @Test(arguments: [false, true]) func integersBeyondTheDoublesKeepTheirOrder(isSummarized: Bool) async throws {
        let (great, small): (Int64, Int64) = (.max, .min)
        var numbers = (0..<Int64(isSummarized ? 8_192 : 600)).map { great - 400 - $0 % 100 }
        (numbers[300], numbers[40], numbers[41]) = (great, small + 1, small)
        let records: [Record] = numbers.enumerated().map { [("test_time", .real(Double($0))), ("n", .integer($1))] }
        try await withStore { store in
            #expect(try await store.append(batch(records), to: cell, stream: nil).stored == numbers.count)
            if isSummarized { try await store.waitForSummaries(2, of: cell) }
            var selection = RowSelection()
            (selection.columns, selection.points) = (["n"], 8)
            let kept = try await store.all(store.data(of: cell, selection)).map { $0[0] }
            #expect(kept.contains(.integer(great)) && kept.contains(.integer(small)))
        }
    }

    @Test func estimatesThatAreSparseAndRewrittenAreThinnedExactly() async throws {
        var generator = SeededGenerator(seed: 7)
        let description = EstimatorDescription(
            className: "K", stateNames: ["a", "b"], outputNames: [], columns: ["test_time"])
        try await withStore { store in
            let records: [Record] = (1...12_500).map { [("test_time", .real(Double($0)))] }
            #expect(try await store.append(batch(records), to: cell, stream: nil).stored == 12_500)
            let estimator = try await store.register(cell, epoch: 1, description: description)
            var known: [Int64: Known] = [:]
            func write(_ sequences: [Int64], _ generator: inout SeededGenerator) async throws {
                var rows = EstimateRows()
                for sequence in sequences {
                    let values = (0..<2).map { _ in Double.random(in: -9...9, using: &generator) }
                    rows.sequences.append(sequence)
                    rows.testTimes.append(Double(sequence))
                    rows.means += values
                    rows.variances += [1, 1]
                    known[sequence] = Known(sequence: sequence, time: Double(sequence), values: values)
                }
                let cursor = max(sequences.last ?? 0, store.estimator(of: cell)?.cursor ?? 0)
                #expect(
                    try await store.commit(
                        EstimateCommit(
                            battery: cell, version: estimator.version, epoch: 1, rows: rows,
                            progress: .init(cursor: cursor, snapshot: .after(Int(cursor))))))
            }
            for start in stride(from: Int64(1), to: 12_500, by: 250) {
                let sequences = (start..<start + 250).filter { _ in Int.random(in: 0..<10, using: &generator) > 0 }
                try await write(sequences, &generator)
            }
            try await store.waitForSummaries(3, of: cell, .estimates)
            for round in 0..<24 {
                let rows = known.values.sorted { $0.sequence < $1.sequence }
                try await check(rows, try await selection(&generator), of: .estimates, in: store)
                // A replay that gives other numbers than the life before, which it must not, is still told as it is.
                if round % 6 == 5 {
                    let start = Int64.random(in: 1...12_000, using: &generator)
                    try await write(Array(start..<start + 250), &generator)
                }
            }
        }
    }

    @Test func aPartOfTheTimeIsThinnedAsFinelyAsTheWhole() async throws {
        try await withStore { store in
            let records: [Record] = (1...14_000).map { [("test_time", .real(Double($0))), ("a", .integer($0 % 977))] }
            #expect(try await store.append(batch(records), to: cell, stream: nil).stored == 14_000)
            try await store.waitForSummaries(3, of: cell)
            for (start, end) in [(0.0, 20_000.0), (4_000, 6_000), (13_000, 13_900)] {
                var selection = RowSelection(start: start, end: end)
                (selection.columns, selection.points) = (["a"], 500)
                #expect(try await store.all(store.data(of: cell, selection)).count > 200, "\(start)")
            }
        }
    }

    @Test func aReplayLeavesSummariesAsTheyWere() async throws {
        try await withStore { store in
            let records: [Record] = (1...9_000).map { [("test_time", .real(Double($0)))] }
            #expect(try await store.append(batch(records), to: cell, stream: nil).stored == 9_000)
            let estimator = try await store.register(cell, epoch: 1)
            func step(_ range: ClosedRange<Int64>, _ epoch: UInt64) async throws {
                for start in stride(from: range.lowerBound, to: range.upperBound, by: 200) {
                    let sequences = Array(start...min(start + 199, range.upperBound))
                    #expect(try await store.commit(.rows(sequences, of: estimator, epoch: epoch, cursor: 9_000)))
                }
            }
            try await step(1...9_000, 1)
            try await store.waitForSummaries(2, of: cell, .estimates)
            let before = try await store.summaries(of: cell, .estimates)
            try await step(1...9_000, 2)
            try await store.waitForSummaries(2, of: cell, .estimates)
            #expect(try await store.summaries(of: cell, .estimates) == before)
            #expect(!before.isEmpty)
            _ = try await store.register(cell, epoch: 3)
            #expect(try await store.summaries(of: cell, .estimates).isEmpty)
        }
    }

    @Test func whatWasStoredWithoutSummariesIsSummarizedAtTheNextStart() async throws {
        try await withFolder { folder in
            let records: [Record] = (1...9_000).map { [("test_time", .real(Double($0))), ("a", .integer($0 % 977))] }
            let before = try await withStore(in: folder) { store in
                #expect(try await store.append(batch(records), to: cell, stream: nil).stored == 9_000)
                try await store.waitForSummaries(2, of: cell)
                return try await store.summaries(of: cell)
            }
            try withDatabase(in: folder) { try $0.execute(sql: "DELETE FROM lachesis_summaries") }
            try await withStore(in: folder) { store in
                try await store.waitForSummaries(2, of: cell)
                let after = try await store.summaries(of: cell)
                #expect(after == before)
            }
        }
    }

    @Test func whatIsSummarizedAsItIsStoredIsWhatIsReadAgain() async throws {
        var generator = SeededGenerator(seed: 11)
        try await withFolder { folder in
            var count = 0
            func store(_ total: Int, in store: Store) async throws {
                while count < total {
                    let records: [Record] = (0..<Int.random(in: 1...700, using: &generator)).map { _ in
                        count += 1
                        var record: Record = [("test_time", .real(Double(count))), ("note", "x")]
                        if count % 3 > 0 { record.append(("a", .real(.random(in: -1...1, using: &generator)))) }
                        if count > 5_000 { record.insert(("late", .integer(Int64(count % 100))), at: 0) }
                        return record
                    }
                    let stored = try await store.append(batch(records), to: cell, stream: nil).stored
                    #expect(stored == records.count)
                }
            }
            // A server that ends amid a chunk, and a batch that is refused amid another.
            try await withStore(in: folder) { try await store(6_000, in: $0) }
            let before = try await withStore(in: folder) { own in
                try await store(11_000, in: own)
                _ = try await own.append(batch(["test_time": 0.0], ["a": "text"]), to: cell, stream: nil)
                #expect(try await own.appendWhole(batch(["a": 9.0], ["a": "text"]), to: cell) != nil)
                try await store(16_500, in: own)
                try await own.waitForSummaries(4, of: cell)
                return try await own.summaries(of: cell)
            }
            try withDatabase(in: folder) { try $0.execute(sql: "DELETE FROM lachesis_summaries") }
            try await withStore(in: folder) { own in
                try await own.waitForSummaries(4, of: cell)
                let after = try await own.summaries(of: cell)
                #expect(after == before)
            }
        }
    }

    @Test func damagedSummariesAreNotUsed() async throws {
        try await withFolder { folder in
            let records: [Record] = (1...9_000).map { [("test_time", .real(Double($0))), ("a", .integer($0 % 977))] }
            var selection = RowSelection()
            (selection.columns, selection.points) = (["a"], 20)
            let before = try await withStore(in: folder) { store in
                #expect(try await store.append(batch(records), to: cell, stream: nil).stored == 9_000)
                try await store.waitForSummaries(2, of: cell)
                return try await store.all(store.data(of: cell, selection))
            }
            try withDatabase(in: folder) { try $0.execute(sql: "UPDATE lachesis_summaries SET blocks = x'00'") }
            try await withStore(in: folder) { store in
                let after = try await store.all(store.data(of: cell, selection))
                #expect(after == before)
            }
        }
    }

    @Test func aChunkComesBackFromItsBytes() {
        var blocks = Array(repeating: Extremes(), count: Chunk.blocks)
        blocks[0].add(-0.0, 8_193)
        blocks[3].add(.leastNonzeroMagnitude, 8_193 + 3 * 256)
        blocks[3].add(-1e300, 8_193 + 4 * 256 - 1)
        blocks[3].add(.nan, 8_193 + 3 * 256 + 1)
        #expect(Chunk.decode(Chunk.encode(blocks, chunk: 2), chunk: 2) == blocks)
        #expect(blocks[3].count == 2)
        #expect(Chunk.decode([], chunk: 0) == nil)
        #expect(Chunk.number(of: 4_096) == 0 && Chunk.number(of: 4_097) == 1)
    }

    @Test func aRangeOfMoreThanAMillionRowsIsThinnedByBlocks() {
        let wide = Thinning(SequenceRange(lower: 5, upper: 2_000_000), columns: 1, points: 100_000)
        #expect(wide.width == 256)
        let narrow = Thinning(SequenceRange(lower: 5, upper: 200_000), columns: 1, points: 100_000)
        #expect(narrow.width == 5 && !narrow.isOfBlocks)
        let few = Thinning(SequenceRange(lower: 0, upper: 10_000_000), columns: 3, points: 2_000)
        #expect(few.isOfBlocks && 10_000_000 / few.width <= 332)
    }
}

extension Store {
    /// Waits until so many chunks are summarized.
    fileprivate func waitForSummaries(_ count: Int, of name: BatteryName, _ kind: RowTable.Kind = .records) async throws
    {
        let clock = ContinuousClock()
        let end = clock.now + .seconds(60)
        while try await summaries(of: name, kind).filter({ $0.hasPrefix("-1 ") }).count < count {
            try #require(clock.now < end, "chunks are not summarized")
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    fileprivate func summaries(of name: BatteryName, _ kind: RowTable.Kind = .records) async throws -> [String] {
        let id = try knownEntry(of: name).id
        return try await read { database in
            try String.fetchAll(
                database,
                sql: """
                    SELECT position || ' ' || chunk || ' ' || hex(blocks) FROM lachesis_summaries
                    WHERE battery = ? AND source = ? ORDER BY position, chunk
                    """, arguments: [id, kind.rawValue])
        }
    }
}
