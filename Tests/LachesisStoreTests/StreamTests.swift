import LachesisModel
import LachesisStore
import Testing

@Suite struct StreamTests {
    private let cell = try! BatteryName("cell")

    @Test func aStreamCountsItsStoredRecords() async throws {
        try await withStore { store in
            #expect(try await store.streamTotal("s", of: cell) == 0)
            let first = try await store.append(batch(["n": 1], ["n": 2]), to: cell, stream: "s")
            #expect(first == AppendOutcome(stored: 2, streamTotal: 2))
            let other = try await store.append(batch(["n": 3]), to: cell, stream: "t")
            #expect(other == AppendOutcome(stored: 1, streamTotal: 1))
            let without = try await store.append(batch(["n": 4]), to: cell, stream: nil)
            #expect(without == AppendOutcome(stored: 1))
            let second = try await store.append(batch(["n": 5]), to: cell, stream: "s")
            #expect(second == AppendOutcome(stored: 1, streamTotal: 3))
            #expect(try await store.streamTotal("s", of: cell) == 3)
            #expect(try await store.streamTotal("t", of: cell) == 1)
            #expect(try await store.streamTotal("S", of: cell) == 0)
            #expect(store.stats(of: cell)?.rows == 5)
        }
    }

    @Test func aRefusedRecordIsNotCounted() async throws {
        try await withStore { store in
            let refused = try await store.append(batch(["voltage": "high"]), to: cell, stream: "s")
            #expect(refused.stored == 0 && refused.refusal != nil && refused.streamTotal == 0)
            let half = try await store.append(batch(["n": 1], ["n": "x"], ["n": 2]), to: cell, stream: "s")
            #expect(half.stored == 1 && half.refusal != nil && half.streamTotal == 1)
            let none = try await store.append(batch(["n": "x"]), to: cell, stream: "s")
            #expect(none.stored == 0 && none.streamTotal == 1)
        }
    }

    @Test func anEmptyBatchTellsTheStreamsTotal() async throws {
        try await withStore { store in
            let unknown = try await store.append(RecordBatch(), to: cell, stream: "s")
            #expect(unknown == AppendOutcome(stored: 0, streamTotal: 0))
            #expect(store.stats().isEmpty)
            _ = try await store.append(batch(["n": 1]), to: cell, stream: "s")
            let known = try await store.append(RecordBatch(), to: cell, stream: "s")
            #expect(known == AppendOutcome(stored: 0, streamTotal: 1))
        }
    }

    @Test func streamsOfTwoBatteriesHaveNothingInCommon() async throws {
        try await withStore { store in
            let other = try BatteryName("other")
            _ = try await store.append(batch(["n": 1], ["n": 2]), to: cell, stream: "s")
            let outcome = try await store.append(batch(["n": 1]), to: other, stream: "s")
            #expect(outcome.streamTotal == 1)
            #expect(try await store.streamTotal("s", of: cell) == 2)
        }
    }

    @Test(arguments: ["s", "", "'; --", "ä 🔋", "a\0b", String(repeating: "x", count: 1_000)])
    func aStreamsTotalOutlivesTheStore(_ stream: String) async throws {
        try await withFolder { folder in
            try await withStore(in: folder) { store in
                _ = try await store.append(batch(["n": 1], ["n": 2]), to: cell, stream: stream)
            }
            try await withStore(in: folder) { store in
                let total = try await store.streamTotal(stream, of: cell)
                #expect(total == 2)
                #expect(try await store.streamTotal("a", of: cell) == 0)
                let outcome = try await store.append(batch(["n": 3]), to: cell, stream: stream)
                #expect(outcome.streamTotal == 3)
            }
        }
    }

    @Test func whatIsLeftOfACutConnectionIsNotStoredBehindTheOneThatResumesIt() async throws {
        try await withStore { store in
            @Sendable func append(_ numbers: Range<Int64>, after total: Int64) async throws -> Int64? {
                let records: [Record] = numbers.map { [("n", .integer($0))] }
                return try await store.append(batch(records), to: cell, stream: "s", after: total).streamTotal
            }
            let total2 = try await append(0..<2, after: 0)
            #expect(total2 == 2)
            // The client comes back, is told 2 and sends on from there; then the rest of its first connection arrives.
            let total5 = try await append(2..<5, after: 2)
            #expect(total5 == 5)
            await expect(.streamMoved) { try await append(2..<4, after: 2) }
            // Or the rest arrives first, and it is the new connection that has to ask again.
            let total6 = try await append(5..<6, after: 5)
            #expect(total6 == 6)
            await expect(.streamMoved) { try await append(5..<8, after: 5) }
            await expect(.streamMoved) { try await append(0..<1, after: 0) }
            let total8 = try await append(6..<8, after: 6)
            #expect(total8 == 8)
            #expect(try await store.rows(of: cell).map { $0[0] } == (0..<8).map { .integer($0) })
            #expect(try await store.streamTotal("s", of: cell) == 8)
        }
    }

    @Test func recordsAndTheirCountAreStoredTogether() async throws {
        try await withStore { store in
            // Each task resumes from what it is told, as a client does that was cut off.
            try await withThrowingTaskGroup { group in
                for task in 0..<8 {
                    group.addTask {
                        let stream = "stream \(task)"
                        var next = try await store.streamTotal(stream, of: cell)
                        while next < 30 {
                            let records: [Record] = (next..<min(next + 4, 30)).map {
                                [("task", .integer(Int64(task))), ("n", .integer($0))]
                            }
                            let outcome = try await store.append(batch(records), to: cell, stream: stream)
                            next = try #require(outcome.streamTotal)
                        }
                    }
                }
                try await group.waitForAll()
            }
            let rows = try await store.rows(of: cell)
            for task in 0..<8 as Range<Int64> {
                let numbers = rows.filter { $0[0] == .integer(task) }.map { $0[1] }
                #expect(numbers == (0..<30).map { .integer($0) })
            }
        }
    }
}
