import GRDB
import LachesisModel
import LachesisStore
import Testing

@Suite struct EstimatorTests {
    private let cell = try! BatteryName("cell")

    /// Sequences in the battery's table of estimates.
    private func sequences(_ folder: String) throws -> [Int64] {
        try withDatabase(in: folder) {
            try Int64.fetchAll($0, sql: "SELECT lachesis_sequence FROM cell_estimates ORDER BY 1")
        }
    }

    @Test func aNewEstimatorStandsBeforeAllRecords() async throws {
        try await withStore { store in
            try await store.store(["test_time": 1.0], to: cell)
            #expect(store.stats(of: cell)?.hasEstimator == false)
            let estimator = try await store.register(cell, epoch: 5)
            #expect(
                estimator
                    == RegisteredEstimator(
                        battery: cell, version: 1, plugin: "kalman", description: .example, cursor: 0,
                        snapshot: .initial))
            #expect(store.estimator(of: cell) == estimator)
            #expect(store.estimators() == [estimator])
            #expect(store.stats(of: cell)?.hasEstimator == true)
        }
    }

    @Test func registeringMakesABatteryThatIsNew() async throws {
        try await withStore { store in
            _ = try await store.register(cell)
            #expect(
                store.stats() == [
                    BatteryStats(name: cell, hasMetadata: false, hasEstimator: true, rows: 0, columns: [])
                ])
            #expect(try await store.records(of: cell, after: 0, columns: ["a"], limit: 1) == RecordMatrix())
            try await store.store(["a": 1], to: cell)
            #expect(try await store.rows(of: cell) == [[1]])
        }
    }

    @Test func theScriptIsGivenBackByteForByte() async throws {
        let files = [
            ScriptFile(name: "z last.bin", content: (0..<400_000).map { UInt8(truncatingIfNeeded: $0 * 7) }),
            ScriptFile(name: "empty", content: []),
            ScriptFile(name: "ä 🔋'\".csv", content: Array(0...255)),
        ]
        let registrations = [
            Registration(
                battery: cell, plugin: "moirae", definition: "# e\u{301} \u{E9} 🔋 '\"\r\n\tx = '\\0'\n\u{FEFF}",
                files: files,
                validTime: 1e-300, seedsInputs: false),
            Registration(battery: cell, plugin: "", definition: "", files: [], validTime: nil, seedsInputs: true),
            Registration(battery: cell, plugin: "kalman", definition: "pass", files: [files[1]], validTime: -0.5),
        ]
        try await withFolder { folder in
            for (number, registration) in registrations.enumerated() {
                let registered = try await withStore(in: folder) { store in
                    try await store.register(registration, description: .example, snapshot: .initial, epoch: 0)
                }
                #expect(registered.version == number + 1)
                let read = try await withStore(in: folder) { try await $0.registration(of: cell) }
                #expect(read == registration)
                #expect(Array(read.definition.utf8) == Array(registration.definition.utf8))
            }
        }
    }

    @Test func aBatteryWithoutEstimatorHasNoScript() async throws {
        try await withStore { store in
            await expect(.unknownBattery) { try await store.registration(of: cell) }
            try await store.store(["a": 1], to: cell)
            await expect(.unknownEstimator) { try await store.registration(of: cell) }
            #expect(store.estimator(of: cell) == nil)
            let absent = RegisteredEstimator(
                battery: cell, version: 1, plugin: "", description: .example, cursor: 0, snapshot: .initial)
            #expect(try await store.commit(.rows([1], of: absent, epoch: 1)) == false)
        }
    }

    // MARK: Results

    @Test func aResultMovesCursorAndSnapshot() async throws {
        try await withFolder { folder in
            var expected = RegisteredEstimator(
                battery: cell, version: 1, plugin: "kalman", description: .example, cursor: 4, snapshot: .after(4))
            expected.snapshot.mean = [.leastNonzeroMagnitude, -.greatestFiniteMagnitude]
            expected.snapshot.lastError = "record 3: 'ä'\nZeroDivisionError"
            expected.snapshot.latestTime = nil
            expected.snapshot.counts = StepCounts()
            for (number, path) in [
                \StepCounts.stepped, \.seeded, \.missingValue, \.beforeValidTime, \.late, \.failed,
            ].enumerated() {
                expected.snapshot.counts[keyPath: path] = number + 10
            }
            try await withStore(in: folder) { store in
                let estimator = try await store.register(cell, epoch: 7)
                var commit = EstimateCommit.rows([2, 3, 4], of: estimator, epoch: 7, cursor: 4)
                commit.progress?.snapshot = expected.snapshot
                #expect(try await store.commit(commit))
                #expect(store.estimator(of: cell) == expected)
            }
            try await withStore(in: folder) { store in #expect(store.estimator(of: cell) == expected) }
            #expect(try sequences(folder) == [2, 3, 4])
        }
    }

    @Test func aResultWithoutProgressWritesRowsAlone() async throws {
        try await withFolder { folder in
            try await withStore(in: folder) { store in
                let estimator = try await store.register(cell)
                #expect(try await store.commit(.rows([1, 2, 3, 4], of: estimator, epoch: 1, cursor: 4)))
                let before = store.estimator(of: cell)
                #expect(try await store.commit(.rows([2, 5], of: estimator, epoch: 1)))
                #expect(store.estimator(of: cell) == before)
                #expect(try await store.commit(.rows([], of: estimator, epoch: 1, cursor: 9)))
                #expect(store.estimator(of: cell)?.cursor == 9)
            }
            #expect(try sequences(folder) == [1, 2, 3, 4, 5])
        }
    }

    @Test func anEarlierEpochWritesNothing() async throws {
        try await withFolder { folder in
            let largest = UInt64.max
            let estimator = try await withStore(in: folder) { store in
                let estimator = try await store.register(cell, epoch: 10)
                #expect(try await store.commit(.rows([1], of: estimator, epoch: 9, cursor: 1)) == false)
                #expect(store.estimator(of: cell) == estimator)
                #expect(try await store.commit(.rows([2], of: estimator, epoch: 10, cursor: 2)))
                #expect(try await store.commit(.rows([3], of: estimator, epoch: largest)))
                #expect(try await store.commit(.rows([4], of: estimator, epoch: largest - 1, cursor: 4)) == false)
                return estimator
            }
            try await withStore(in: folder) { store in
                let late = try await store.commit(.rows([5], of: estimator, epoch: 10, cursor: 5))
                #expect(late == false)
                #expect(try await store.commit(.rows([6], of: estimator, epoch: largest)))
                #expect(store.estimator(of: cell)?.cursor == 2)
            }
            #expect(try sequences(folder) == [2, 3, 6])
        }
    }

    @Test func anEarlierVersionWritesNothing() async throws {
        try await withFolder { folder in
            try await withStore(in: folder) { store in
                let first = try await store.register(cell, epoch: 1)
                #expect(try await store.commit(.rows([1, 2], of: first, epoch: 1, cursor: 2)))
                let second = try await store.register(cell, epoch: 2)
                #expect(second.version == 2 && second.cursor == 0 && second.snapshot == .initial)
                #expect(try await store.commit(.rows([3], of: first, epoch: 9, cursor: 3)) == false)
                #expect(store.estimator(of: cell) == second)
                #expect(try await store.commit(.rows([1], of: second, epoch: 2, cursor: 1)))
            }
            #expect(try sequences(folder) == [1])
        }
    }

    @Test func aResultOfAnotherShapeIsRefused() async throws {
        try await withFolder { folder in
            try await withStore(in: folder) { store in
                let estimator = try await store.register(cell)
                let changes: [(inout EstimateRows) -> Void] = [
                    { $0.means.removeLast() }, { $0.variances.append(1) }, { $0.testTimes = [] },
                    { $0.outputMeans += [1, 2] }, { $0.outputVariances = [] }, { $0.sequences.append(9) },
                ]
                for change in changes {
                    var commit = EstimateCommit.rows([1, 2], of: estimator, epoch: 1, cursor: 2)
                    change(&commit.rows)
                    await expect(.unstorable) { try await store.commit(commit) }
                }
                #expect(store.estimator(of: cell) == estimator)
                #expect(try await store.commit(.rows([7], of: estimator, epoch: 0)))
            }
            #expect(try sequences(folder) == [7])
        }
    }

    @Test func moreStatesThanATableHoldsAreRefused() async throws {
        try await withStore { store in
            func description(_ states: Int) -> EstimatorDescription {
                let names = (0..<states).map { "state[\($0)]" }
                return EstimatorDescription(className: "Wide", stateNames: names, outputNames: [], columns: [])
            }
            let widest = try await store.register(cell, description: description(999))
            await expect(.unstorable) { try await store.register(cell, description: description(1_000)) }
            #expect(store.estimator(of: cell) == widest)
            var rows = EstimateRows()
            (rows.sequences, rows.testTimes) = ([1], [1])
            rows.means = Array(repeating: 1, count: 999)
            rows.variances = rows.means
            #expect(
                try await store.commit(
                    EstimateCommit(battery: cell, version: 1, epoch: 0, rows: rows, progress: nil)))
        }
    }
}
