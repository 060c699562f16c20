import LachesisModel
import LachesisStore
import Testing

@Suite struct RowSelectionTests {
    private let cell = try! BatteryName("cell")

    private func selection(_ change: (inout RowSelection) -> Void) -> RowSelection {
        var selection = RowSelection()
        change(&selection)
        return selection
    }

    /// Times run backwards, so that order by time and order by sequence differ.
    private func fill(_ store: Store, _ count: Int64 = 10) async throws {
        let records: [Record] = (1...count).map { [("test_time", .real(Double(100 - $0))), ("n", .integer($0))] }
        #expect(try await store.append(batch(records), to: cell, stream: nil).stored == Int(count))
    }

    private func numbers(_ store: Store, _ change: (inout RowSelection) -> Void) async throws -> [Value] {
        try await store.all(
            store.data(
                of: cell,
                selection {
                    $0.columns = ["n"]
                    change(&$0)
                })
        ).map { $0[0] }
    }

    @Test func boundsOfTheSequenceAreExclusiveAndGiveRowsByIt() async throws {
        try await withStore { store in
            try await fill(store)
            #expect(try await numbers(store) { _ in } == [10, 9, 8, 7, 6, 5, 4, 3, 2, 1])
            #expect(try await numbers(store) { $0.after = 0 } == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
            #expect(try await numbers(store) { $0.after = 7 } == [8, 9, 10])
            #expect(try await numbers(store) { $0.before = 4 } == [1, 2, 3])
            #expect(try await numbers(store) { ($0.after, $0.before) = (3, 6) } == [4, 5])
            #expect(try await numbers(store) { ($0.after, $0.before) = (5, 6) } == [])
            #expect(try await numbers(store) { ($0.after, $0.before) = (.min, .max) }.count == 10)
            #expect(try await numbers(store) { $0.after = .max } == [])
            #expect(try await numbers(store) { $0.before = .min } == [])
            let (befores, afters): ([Int64], [Int64]) = ([.min, .min + 1, -1, 0, 1], [.min, 0, 5, .max])
            for before in befores {
                for after in afters {
                    for points: Int? in [nil, 3] {
                        let found = try await numbers(store) {
                            $0.after = after
                            $0.before = before
                            $0.points = points
                        }
                        #expect(found == [], "\(after) \(before)")
                    }
                }
            }
        }
    }

    @Test func aLimitTakesTheNewestAndAfterASequenceTheOldest() async throws {
        try await withStore { store in
            try await fill(store)
            #expect(try await numbers(store) { ($0.after, $0.limit) = (2, 3) } == [3, 4, 5])
            #expect(try await numbers(store) { ($0.before, $0.limit) = (9, 3) } == [6, 7, 8])
            #expect(try await numbers(store) { ($0.after, $0.before, $0.limit) = (2, 9, 2) } == [3, 4])
            #expect(try await numbers(store) { ($0.before, $0.limit) = (3, 9) } == [1, 2])
            #expect(try await numbers(store) { ($0.before, $0.limit) = (3, 0) } == [])
            #expect(try await numbers(store) { ($0.before, $0.limit, $0.start, $0.end) = (9, 2, 95, 97) } == [4, 5])
            #expect(try await numbers(store) { ($0.after, $0.limit, $0.start, $0.end) = (0, 2, 95, 97) } == [3, 4])
        }
    }

    @Test func pagesBySequenceHaveEveryRowOnce() async throws {
        try await withStore { store in
            try await fill(store, 9_000)
            let all = (1...9_000).map { Value.integer($0) }
            #expect(try await numbers(store) { $0.after = 0 } == all)
            // 100 - n is from -8,000 to -500.
            let some = try await numbers(store) { ($0.after, $0.start, $0.end) = (0, -8_000, -500) }
            #expect(some == Array(all[599..<8_100]))
        }
    }

    @Test func columnsComeAsTheyAreAskedForAndUnknownOnesAreRefused() async throws {
        try await withStore { store in
            try await store.store(["test_time": 1.0, "sequence": 7, "a,b": "x"], to: cell)
            func told(_ change: (inout RowSelection) -> Void) throws -> [String] {
                try store.data(of: cell, selection(change)).columns.map { "\($0.name) \($0.type.rawValue)" }
            }
            #expect(try told { $0.columns = ["a,b", "test_time", "a,b"] } == ["a,b VARCHAR", "test_time FLOAT"])
            #expect(try told { $0.columns = ["sequence"] } == ["sequence INTEGER"])
            #expect(
                try told { ($0.columns, $0.hasSequence) = (["sequence"], true) }
                    == ["sequence INTEGER", "sequence_2 INTEGER"])
            let rows = try store.data(of: cell, selection { ($0.columns, $0.hasSequence) = (["sequence"], true) })
            #expect(try await store.all(rows) == [[1, 7]])
            await expect(.unknownColumn) { try store.data(of: cell, selection { $0.columns = ["Test_Time"] }) }
            try await store.store(["sequence_2": 1, "sequence_3": 2], to: cell)
            let names = try store.data(of: cell, selection { $0.hasSequence = true }).columns.map(\.name)
            #expect(
                names.filter { $0.hasPrefix("sequence") } == ["sequence", "sequence_4", "sequence_2", "sequence_3"])
            await expect(.unknownColumn) { try store.data(of: cell, selection { $0.columns = [""] }) }
        }
    }

    @Test func theSequenceIsAColumnWhereNoneIsCalledSo() async throws {
        try await withStore { store in
            try await store.store(["n": 3], ["n": 4], to: cell)
            let rows = try store.data(of: cell, selection { $0.columns = ["n", "sequence"] })
            #expect(rows.columns.map(\.name) == ["sequence", "n"])
            #expect(try await store.all(rows) == [[1, 3], [2, 4]])
        }
    }

    @Test func aHistoryHasTheEstimatesBySequence() async throws {
        try await withStore { store in
            try await store.store(["n": 1], ["n": 2], ["n": 3], ["n": 4], to: cell)
            await expect(.unknownEstimator) { try store.history(of: cell) }
            let estimator = try await store.register(cell, epoch: 1)
            #expect(try await store.all(store.history(of: cell)) == [])
            #expect(try await store.commit(.rows([2, 4], of: estimator, epoch: 1, cursor: 4)))
            let history = try store.history(of: cell)
            #expect(
                history.columns.map(\.name) == [
                    "sequence", "test_time", "soc", "theta__r00", "soc_std", "theta__r00_std", "voltage",
                    "voltage_std",
                ])
            #expect(
                try await store.all(history) == [
                    [2, 20.0, .real(2.0 / 3), -2.0, 2.0, 0.5, 3.7, 2.0],
                    [4, 40.0, .real(4.0 / 3), -4.0, 4.0, 0.5, 3.9, 2.0],
                ])
            func times(_ change: (inout RowSelection) -> Void) async throws -> [[Value]] {
                try await store.all(
                    store.history(
                        of: cell,
                        selection {
                            $0.columns = ["test_time"]
                            change(&$0)
                        }))
            }
            #expect(try await times { $0.start = 20.5 } == [[4, 40.0]])
            #expect(try await times { $0.end = 20 } == [[2, 20.0]])
            #expect(try await times { $0.after = 2 } == [[4, 40.0]])
            #expect(try await times { $0.limit = 1 } == [[4, 40.0]])
            #expect(try await times { ($0.after, $0.limit) = (0, 1) } == [[2, 20.0]])
            await expect(.unknownColumn) { try await times { $0.columns = ["n"] } }
        }
    }

    @Test func aHistoryEndsWithAnErrorWhenItsEstimatorIsReplaced() async throws {
        try await withStore { store in
            try await fill(store, 1_500)
            let estimator = try await store.register(cell, epoch: 1)
            #expect(try await store.commit(.rows(Array(1...1_500), of: estimator, epoch: 1, cursor: 1_500)))
            var reader = try store.history(of: cell)
            let first = try await reader.next()
            #expect(first?.count == 1_000)
            _ = try await store.register(cell, epoch: 2)
            await expect(.superseded) { try await reader.next() }
            #expect(try await store.all(store.history(of: cell)) == [])
        }
    }

    @Test func aBatchIsStoredWhollyOrNotAtAll() async throws {
        try await withStore { store in
            let good = batch(["n": 1], ["n": 2, "new": "x"])
            let bad = batch(["n": 1], ["n": 2, "new": "x"], ["n": "text"], ["n": 4])
            let refused = try await store.appendWhole(bad, to: cell)
            #expect(refused?.number == 3 && refused?.refusal.key == "n")
            #expect(store.stats(of: cell) == nil)
            #expect(try await store.appendWhole(good, to: cell) == nil)
            #expect(try await store.appendWhole(bad, to: cell)?.number == 3)
            #expect(try await store.appendWhole(batch(["n": 1], ["N": 1]), to: cell)?.number == 2)
            #expect(try await store.rows(of: cell) == [[1, nil], [2, "x"]])
        }
    }
}

extension Store {
    /// All rows that a reader gives.
    func all(_ reader: DataReader) async throws -> [[Value]] {
        var rows: [[Value]] = []
        for try await page in reader { rows += page.map { Array($0) } }
        return rows
    }
}
