import LachesisModel
import LachesisStore
import Testing

@Suite struct DataReaderTests {
    private let cell = try! BatteryName("cell")

    @Test func rowsComeByTimeAndThoseOfEqualTimesByArrival() async throws {
        try await withStore { store in
            try await store.store(
                ["test_time": 3.0, "n": 1], ["test_time": 1.0, "n": 2], ["n": 3], ["test_time": 3.0, "n": 4],
                ["test_time": -0.0, "n": 5], ["test_time": 0.0, "n": 6], ["test_time": nil, "n": 7], to: cell)
            #expect(try await store.integers("n", of: cell) == [3, 7, 5, 6, 2, 1, 4])
        }
    }

    @Test func withoutTestTimeRowsComeByArrival() async throws {
        try await withStore { store in
            try await store.store(["n": 3], ["n": 1], ["n": 2], to: cell)
            #expect(try await store.rows(of: cell) == [[3], [1], [2]])
            #expect(try await store.rows(of: cell, limit: 2) == [[1], [2]])
            #expect(try await store.rows(of: cell, start: 0) == [])
            #expect(try await store.rows(of: cell, end: 0) == [])
        }
    }

    @Test func boundsAreInclusiveAndLeaveOutRecordsWithoutTime() async throws {
        try await withStore { store in
            try await store.store(["n": 0], to: cell)
            for time in [4.0, 2.0, 3.0, 1.0] { try await store.store(["test_time": .real(time)], to: cell) }
            func times(_ start: Double?, _ end: Double?, _ limit: Int? = nil) async throws -> [Value] {
                try await store.rows(of: cell, start: start, end: end, limit: limit).map { $0[1] }
            }
            #expect(try await times(nil, nil) == [nil, 1.0, 2.0, 3.0, 4.0])
            #expect(try await times(2, 3) == [2.0, 3.0])
            #expect(try await times(2, nil) == [2.0, 3.0, 4.0])
            #expect(try await times(nil, 2) == [1.0, 2.0])
            #expect(try await times(-.infinity, .infinity) == [1.0, 2.0, 3.0, 4.0])
            #expect(try await times(3, 2) == [])
            #expect(try await times(nil, nil, 2) == [3.0, 4.0])
            #expect(try await times(nil, nil, 5) == [nil, 1.0, 2.0, 3.0, 4.0])
            #expect(try await times(nil, nil, .max) == [nil, 1.0, 2.0, 3.0, 4.0])
            #expect(try await times(nil, 3, 2) == [2.0, 3.0])
            #expect(try await times(nil, 3, 4) == [1.0, 2.0, 3.0])
            #expect(try await times(nil, nil, 0) == [])
            #expect(try await times(nil, nil, -1) == [])
        }
    }

    @Test func aBatteryWithoutRecordsHasNoRows() async throws {
        try await withStore { store in
            try await store.registerMetadata("{}", for: cell)
            #expect(try store.data(of: cell).columns.isEmpty)
            #expect(try await store.rows(of: cell) == [])
            #expect(try await store.rows(of: cell, start: 0, end: 1, limit: 1) == [])
        }
    }

    /// 0 and 1: all records with one time; 2: none with a time; 3: every third without one, the others in pairs.
    @Test(arguments: 0...3) func pagesHaveEveryRowOnce(_ kind: Int) async throws {
        let times: [Value] = (0..<2_500).map { number in
            switch kind {
            case 0: 7.0
            case 1: .real(number < 1_000 ? 7 : 8)
            case 2: nil
            default: number % 3 == 0 ? nil : .real(Double((2_500 - number) / 2))
            }
        }
        let sorted = times.enumerated().sorted { left, right in
            let (first, second) = (left.element.exactDouble ?? -1, right.element.exactDouble ?? -1)
            return first == second ? left.offset < right.offset : first < second
        }.map { Int64($0.offset) }
        try await withStore { store in
            let records: [Record] = times.enumerated().map { [("test_time", $1), ("n", .integer(Int64($0)))] }
            let outcome = try await store.append(batch(records), to: cell, stream: nil)
            #expect(outcome == AppendOutcome(stored: 2_500))
            #expect(try await store.integers("n", of: cell) == sorted)
            for limit in [1, 999, 1_000, 1_001, 2_000, 2_499, 2_500, 2_501] {
                let rows = try await store.rows(of: cell, limit: limit)
                #expect(rows.map { $0[1] } == sorted.suffix(limit).map { .integer($0) })
            }
        }
    }

    @Test func aPageHasAtMostAThousandRows() async throws {
        try await withStore { store in
            let records: [Record] = (0..<2_000).map { [("n", .integer($0))] }
            #expect(try await store.append(batch(records), to: cell, stream: nil).stored == 2_000)
            var sizes: [Int] = []
            for try await page in try store.data(of: cell) { sizes.append(page.count) }
            #expect(sizes == [1_000, 1_000])
        }
    }

    @Test func longTextsMakePagesSmaller() async throws {
        try await withStore { store in
            let text = String(repeating: "ä", count: 50_000)
            let records: [Record] = (0..<30).map { [("n", .integer($0)), ("note", .text(text))] }
            #expect(try await store.append(batch(records), to: cell, stream: nil).stored == 30)
            var (numbers, sizes): ([Value], [Int]) = ([], [])
            for try await page in try store.data(of: cell) {
                sizes.append(page.count)
                numbers += page.map { $0.first ?? nil }
            }
            #expect(sizes == [11, 11, 8])
            #expect(numbers == (0..<30).map { .integer($0) })
        }
    }

    @Test func whatComesLaterIsNotAmongTheRows() async throws {
        try await withStore { store in
            let records: [Record] = (0..<1_500).map { [("test_time", .real(Double($0)))] }
            #expect(try await store.append(batch(records), to: cell, stream: nil).stored == 1_500)
            var reader = try store.data(of: cell)
            let first = try await reader.next()
            // Times among those that are still to come, and a column that the reader does not tell of.
            try await store.store(["test_time": 1_200.5], ["test_time": 5_000.0, "later": 1], ["n": 2], to: cell)
            let second = try await reader.next()
            #expect(first?.count == 1_000)
            #expect(second?.count == 500)
            #expect(second?.columnCount == 2)
            let third = try await reader.next()
            #expect(third == nil)
            #expect(try await store.rows(of: cell).count == 1_503)
        }
    }

    @Test func readingStopsWhenItsTaskIsCancelled() async throws {
        try await withStore { store in
            try await store.store(["n": 1], to: cell)
            let reading = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                return try await store.rows(of: cell)
            }
            await expect(.cancelled) { try await reading.value }
            #expect(try await store.rows(of: cell) == [[1]])
        }
    }
}
