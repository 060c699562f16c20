import GRDB
import LachesisModel
import LachesisStore
import Testing

/// Rows that are inserted several at once are those of rows inserted one by one.
@Suite struct ManyRowsTests {
    private let cell = try! BatteryName("cell")

    /// Of a record by its number, Unix s.
    private static func received(_ number: Int) -> Double { 1_000 + Double(number) / 3 }

    /// All of a table's rows, in the order of its first columns.
    private func table(_ name: String, in folder: String, _ columns: String = "*") throws -> [[String]] {
        try withDatabase(in: folder) { database in
            try Row.fetchAll(database, sql: "SELECT \(columns) FROM \(name) ORDER BY 1, 2, 3, 4").map {
                $0.databaseValues.map { "\($0)" }
            }
        }
    }

    /// Records with every kind of value; `count` widens to FLOAT at the 700th, `late` comes with the 900th, and the 5,000th
    /// cannot be stored.
    private func record(_ number: Int) -> Record {
        var record: Record = [
            ("test_time", .real(Double(number) / 7)),
            ("count", number == 700 ? 0.5 : .integer(Int64(number))),
            ("label", number % 3 == 0 ? nil : .text(number % 5 == 0 ? "" : "no. \(number)\0µ")),
        ]
        if number >= 900 { record.append(("late", .integer(Int64(number)))) }
        if number == 5_000 { record[0].value = "noon" }
        return record
    }

    @Test(arguments: [63, 64, 71, 1_025, 5_100])
    func recordsOfOneBatchAreThoseOfBatchesOfOne(_ count: Int) async throws {
        let good = min(count, 5_000)
        var (stored, summaries): ([[[String]]], [[[String]]]) = ([], [])
        // Fewer than `RowInsertion` takes at once are inserted one by one.
        for size in [count, 7] {
            try await withFolder { folder in
                try await withStore(in: folder) { store in
                    for start in stride(from: 0, to: size == count ? count : good, by: size) {
                        let end = min(start + size, size == count ? count : good)
                        let records = batch((start..<end).map(record)) { Self.received(start + $0) }
                        let outcome = try await store.append(records, to: cell, stream: "s")
                        #expect(outcome.stored == min(end, good) - start)
                        #expect((outcome.refusal != nil) == (end > good))
                        #expect(outcome.streamTotal == Int64(min(end, good)))
                    }
                    #expect(store.stats(of: cell)?.rows == Int64(good))
                }
                stored.append(try table("cell", in: folder))
                let received = try table("cell", in: folder, "lachesis_sequence, received, 0, 0")
                let isRight =
                    received == (0..<good).map { ["\($0 + 1)", "\(Self.received($0).databaseValue)", "0", "0"] }
                #expect(isRight)
                summaries.append(try table("lachesis_summaries", in: folder))
            }
        }
        #expect(stored[0].count == good)
        let isSame = stored[0] == stored[1]
        #expect(isSame)
        #expect(summaries[0].isEmpty == (good < 4_096))
        #expect(summaries[0] == summaries[1])
    }

    @Test func aTableMayHaveAllTheColumnsThatItCan() async throws {
        let width = 1_997
        var limits = Limits()
        limits.columns = width
        try await withFolder { folder in
            try await withStore(in: folder, limits: limits) { store in
                let values = (0..<70).map { row in (0..<width).map { Value.integer(Int64(row * width + $0)) } }
                let records: [Record] = values.map { $0.enumerated().map { ("c\($0)", $1) } }
                #expect(try await store.append(batch(records), to: cell, stream: nil) == AppendOutcome(stored: 70))
                let rows = try await store.rows(of: cell)
                #expect(rows == values)
            }
        }
    }

    @Test func estimatesOfOneCommitAreThoseOfCommitsOfOne() async throws {
        var written: [[[String]]] = []
        for size in [150, 1] {
            try await withFolder { folder in
                try await withStore(in: folder) { store in
                    let estimator = try await store.register(cell)
                    for start in stride(from: Int64(1), through: 150, by: size) {
                        let sequences = Array(start..<start + Int64(size))
                        #expect(
                            try await store.commit(.rows(sequences, of: estimator, epoch: 1, cursor: sequences.last)))
                    }
                }
                written.append(try table("cell_estimates", in: folder))
            }
        }
        #expect(written[0].count == 150)
        #expect(written[0] == written[1])
    }
}
