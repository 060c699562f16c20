import LachesisModel
import LachesisStore
import Testing

@Suite struct OriginTests {
    private let cell = try! BatteryName("cell")

    @Test func anEstimatorThatStartsNowStandsBehindAllThatIsStored() async throws {
        try await withFolder { folder in
            let estimator = try await withStore(in: folder) { store in
                try await store.store(["test_time": 1.0], ["test_time": 2.0], ["test_time": 3.0], to: cell)
                let estimator = try await store.register(cell, start: .now)
                #expect(estimator.origin == 3 && estimator.cursor == 3 && estimator.snapshot == .initial)
                #expect(store.estimator(of: cell) == estimator)
                #expect(try await store.registration(of: cell).start == .now)
                return estimator
            }
            try await withStore(in: folder) { store in
                #expect(store.estimators() == [estimator])
                try await store.store(["test_time": 4.0], to: cell)
                #expect(try await store.commit(.rows([4], of: estimator, epoch: 1, cursor: 4)))
                #expect(store.estimator(of: cell)?.origin == 3)
                #expect(store.estimator(of: cell)?.cursor == 4)
            }
            try await withStore(in: folder) { store in
                #expect(store.estimator(of: cell)?.origin == 3)
                #expect(store.estimator(of: cell)?.cursor == 4)
                let again = try await store.register(cell, epoch: 2)
                #expect(again.origin == 0 && again.cursor == 0)
                let last = try await store.register(cell, epoch: 3, start: .now)
                #expect(last.origin == 4 && last.cursor == 4)
            }
        }
    }

    @Test func withoutRecordsNowIsTheStart() async throws {
        try await withStore { store in
            let estimator = try await store.register(cell, start: .now)
            #expect(estimator.origin == 0 && estimator.cursor == 0)
            #expect(try await store.registration(of: cell).start == .now)
        }
    }

    @Test func whatIsStoredInTheSameTransactionIsBeforeNow() async throws {
        try await withStore { store in
            try await withThrowingTaskGroup { group in
                for number in 0..<40 as Range<Int64> {
                    group.addTask { try await store.store(["n": .integer(number)], ["n": 0], to: cell) }
                }
                for _ in 0..<10 {
                    group.addTask {
                        let before = store.stats(of: cell)?.rows ?? 0
                        let estimator = try await store.register(cell, start: .now)
                        let after = store.stats(of: cell)?.rows ?? 0
                        #expect(before...after ~= estimator.origin && estimator.origin % 2 == 0)
                    }
                }
                try await group.waitForAll()
            }
        }
    }
}
