import GRDB
import LachesisModel
import LachesisStore
import Testing

/// Rows that are inserted several at once are those of rows inserted one by one.
@Suite struct ManyRowsTests {
    private let cell = try! BatteryName("cell")

    /// Records with every kind of value; `count` widens to FLOAT at the 700th, `late` comes with the 900th, and the 2,000th
    /// cannot be stored.
    private func record(_ number: Int) -> Record {
        var record: Record = [
            ("test_time", .real(Double(number) / 7)),
            ("count", number == 700 ? 0.5 : .integer(Int64(number))),
            ("label", number % 3 == 0 ? nil : .text(number % 5 == 0 ? "" : "no. \(number)\0µ")),
        ]
        if number >= 900 { record.append(("late", .integer(Int64(number)))) }
        if number == 2_000 { record[0].value = "noon" }
        return record
    }

    @Test(arguments: [63, 64, 71, 1_025, 2_400])
    func recordsOfOneBatchAreThoseOfBatchesOfOne(_ count: Int) async throws {
        let records = (0..<count).map(record)
        let good = min(count, 2_000)
        var stored: [[[String]]] = []
        for size in [count, 1] {
            try await withStore { store in
                for start in stride(from: 0, to: size == count ? count : good, by: size) {
                    let outcome = try await store.append(
                        batch(Array(records[start..<start + size])), to: cell, stream: "s")
                    #expect(outcome.stored == min(size, good - start))
                    #expect((outcome.refusal != nil) == (start + size > good))
                    #expect(outcome.streamTotal == Int64(min(start + size, good)))
                }
                #expect(store.stats(of: cell)?.rows == Int64(good))
                stored.append(exact(try await store.rows(of: cell)))
            }
        }
        #expect(stored[0].count == good)
        #expect(stored[0] == stored[1])
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
                written.append(
                    try withDatabase(in: folder) { database in
                        try Row.fetchAll(database, sql: "SELECT * FROM cell_estimates ORDER BY lachesis_sequence").map {
                            $0.databaseValues.map { "\($0)" }
                        }
                    })
            }
        }
        #expect(written[0].count == 150)
        #expect(written[0] == written[1])
    }
}
