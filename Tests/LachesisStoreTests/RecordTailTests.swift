import LachesisModel
import TestSupport
import Testing

@testable import LachesisStore

/// Records as an estimator reads them: from memory while it is up to date, and the same from the database.
@Suite struct RecordTailTests {
    private let cell = try! BatteryName("cell")
    private let columns = ["test_time", "voltage", "count", "note", "late", "received", "nothing"]

    /// Doubles compared by their bits, as NaN is to equal NaN.
    private func bits(_ matrix: RecordMatrix) -> [[UInt64]] {
        [matrix.sequences.map { UInt64($0) }, matrix.values.map(\.bitPattern)]
    }

    private func tail(_ store: Store) -> Int? { store.catalogue.entry(of: cell)?.tail.count }

    @Test func whatIsReadFromMemoryIsWhatTheDatabaseHas() async throws {
        try await withFolder { folder in
            var known: [[[UInt64]]] = []
            try await withStore(in: folder) { store in
                _ = try await store.register(cell)
                try await store.store(["test_time": 0.0, "voltage": 3.7, "count": 9_007_199_254_740_993], to: cell)
                try await store.store(["test_time": 1, "voltage": nil, "note": "text"], ["count": -1], to: cell)
                try await store.store(["late": 0.25, "test_time": -0.0, "count": 7], to: cell)
                try await store.store(["voltage": 4, "test_time": 3.5], to: cell)
                #expect(tail(store) == 5)
                for sequence: Int64 in 0...5 {
                    known.append(bits(try await store.records(of: cell, after: sequence, columns: columns, limit: 3)))
                }
            }
            // After a start nothing is in memory.
            try await withStore(in: folder) { store in
                #expect(tail(store) == 0)
                for sequence: Int64 in 0...5 {
                    let read = bits(try await store.records(of: cell, after: sequence, columns: columns, limit: 3))
                    #expect(read == known[Int(sequence)])
                }
            }
        }
    }

    @Test func theLatestAreKeptAndWhoIsFurtherBehindReadsTheDatabase() async throws {
        try await withStore { store in
            _ = try await store.register(cell)
            for time in 0..<40 { try await store.store(["test_time": .real(Double(time))], to: cell) }
            #expect(tail(store) == RecordTail.capacity)
            for sequence: Int64 in [0, 23, 24, 39, 40] {
                let read = try await store.records(of: cell, after: sequence, columns: ["test_time"], limit: 256)
                #expect(read.sequences == Array(sequence..<40).map { $0 + 1 })
                #expect(read.values == (sequence..<40).map(Double.init))
            }
        }
    }

    @Test func manyAtOnceAreNotKept() async throws {
        try await withStore { store in
            _ = try await store.register(cell)
            try await store.store(["test_time": 0.0], to: cell)
            var many = RecordBatch()
            let layout = RecordLayout(keys: ["test_time"])
            for time in 1...RecordTail.capacity + 1 {
                many.append([.real(Double(time))], layout: layout, received: 0)
            }
            _ = try await store.append(many, to: cell, stream: nil)
            #expect(tail(store) == 0)
            try await store.store(["test_time": 100.0], to: cell)
            #expect(tail(store) == 1)
            let read = try await store.records(of: cell, after: 0, columns: ["test_time"], limit: 256)
            #expect(read.values == (0...RecordTail.capacity + 1).map(Double.init) + [100])
        }
    }

    @Test func batteriesWithoutAnEstimatorKeepNone() async throws {
        try await withStore { store in
            try await store.store(["test_time": 0.0], to: cell)
            #expect(tail(store) == 0)
        }
    }

    @Test func aDeletedBatterysRecordsAreGoneFromMemoryToo() async throws {
        try await withStore { store in
            _ = try await store.register(cell)
            try await store.store(["test_time": 5.0], to: cell)
            _ = try await store.delete(cell)
            await expect(.unknownBattery) {
                try await store.records(of: cell, after: 0, columns: ["test_time"], limit: 1)
            }
            _ = try await store.register(cell)
            try await store.store(["test_time": 6.0], to: cell)
            #expect(try await store.records(of: cell, after: 0, columns: ["test_time"], limit: 1).values == [6])
        }
    }
}
