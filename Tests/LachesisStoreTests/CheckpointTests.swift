import Foundation
import GRDB
import LachesisModel
import LachesisStore
import Testing

@Suite struct CheckpointTests {
    private let cell = try! BatteryName("cell")

    /// A result that brings a checkpoint and nothing else.
    private func commit(
        _ checkpoint: Checkpoint, of estimator: RegisteredEstimator, epoch: UInt64 = 1
    ) -> EstimateCommit {
        EstimateCommit(
            battery: estimator.battery, version: estimator.version, epoch: epoch, rows: EstimateRows(), progress: nil,
            checkpoint: checkpoint)
    }

    /// All that the store gives of an estimator's checkpoints, newest first.
    private func checkpoints(_ store: Store, version: Int = 1) async throws -> [StoredCheckpoint] {
        var found: [StoredCheckpoint] = []
        while let next = try await store.checkpoint(of: cell, version: version, before: found.last?.id) {
            found.append(next)
        }
        return found
    }

    @Test func aCheckpointIsGivenBackAsItWasWritten() async throws {
        var odd = Checkpoint.at(3, bytes: 3_000_000)
        odd.snapshot.latestTime = -0.0
        odd.snapshot.mean = [.nan, -.infinity, -0.0, .leastNonzeroMagnitude]
        odd.snapshot.lastError = "Fehler: é 🔋\n"
        odd.snapshot.counts.failed = 4
        var empty = Checkpoint(cursor: 0, snapshot: Snapshot(mean: [], covariance: []), state: [])
        empty.snapshot.lastError = ""
        for checkpoint in [odd, empty, .at(7)] {
            try await withFolder { folder in
                try await withStore(in: folder) { store in
                    let estimator = try await store.register(cell)
                    #expect(try await store.checkpoint(of: cell, version: 1) == nil)
                    #expect(try await store.commit(commit(checkpoint, of: estimator)))
                }
                let found = try await withStore(in: folder) { try await checkpoints($0) }
                #expect(found.count == 1)
                let content = try #require(found.first?.content)
                #expect(content.state == checkpoint.state && content.cursor == checkpoint.cursor)
                #expect(content.snapshot.mean.map(\.bitPattern) == checkpoint.snapshot.mean.map(\.bitPattern))
                #expect(content.snapshot.latestTime?.sign == checkpoint.snapshot.latestTime?.sign)
                #expect(content.snapshot.lastError == checkpoint.snapshot.lastError)
                #expect(content.snapshot.counts == checkpoint.snapshot.counts)
            }
        }
    }

    @Test func whatSQLiteCannotKeepDoesNotSpoilACheckpoint() async throws {
        try await withStore { store in
            let estimator = try await store.register(cell)
            var checkpoint = Checkpoint.at(1)
            (checkpoint.snapshot.latestTime, checkpoint.snapshot.lastError) = (.nan, "a\0b")
            #expect(try await store.commit(commit(checkpoint, of: estimator)))
            let content = try #require(try await checkpoints(store).first?.content)
            #expect(content.snapshot.latestTime == nil)
            #expect(content.snapshot.lastError == "a\u{FFFD}b")
            #expect(content.state == checkpoint.state)
        }
    }

    @Test func theLastTwoThatWereWrittenAreKeptWhateverTheirCursors() async throws {
        try await withStore { store in
            let estimator = try await store.register(cell)
            var ids: [Int64] = []
            for (number, cursor) in [10, 30, 20, 5, 40].enumerated() as EnumeratedSequence<[Int64]> {
                #expect(try await store.commit(commit(.at(cursor), of: estimator, epoch: UInt64(number))))
                ids += try await checkpoints(store).prefix(1).map(\.id)
            }
            #expect(ids == ids.sorted() && Set(ids).count == 5)
            #expect(
                try await checkpoints(store) == [
                    StoredCheckpoint(id: ids[4], content: .at(40)), StoredCheckpoint(id: ids[3], content: .at(5)),
                ])
        }
    }

    @Test func estimatesProgressAndCheckpointAreWrittenTogetherOrNotAtAll() async throws {
        try await withFolder { folder in
            let estimator = try await withStore(in: folder) { store in
                let estimator = try await store.register(cell, epoch: 5)
                var result = EstimateCommit.rows([1, 2], of: estimator, epoch: 5, cursor: 2)
                result.checkpoint = .at(2)
                #expect(try await store.commit(result))
                #expect(store.estimator(of: cell)?.cursor == 2)
                (result.epoch, result.checkpoint) = (4, .at(9))
                #expect(try await store.commit(result) == false)
                (result.epoch, result.version) = (6, 2)
                #expect(try await store.commit(result) == false)
                result.version = 1
                result.rows.means.removeLast()
                await expect(.unstorable) { try await store.commit(result) }
                #expect(try await checkpoints(store).map(\.content) == [.at(2)])
                return estimator
            }
            try await withStore(in: folder) { store in
                let isWritten = try await store.commit(commit(.at(3), of: estimator, epoch: 1))
                #expect(!isWritten)
                #expect(try await checkpoints(store).map(\.content) == [.at(2)])
            }
        }
    }

    @Test func aNewVersionHasNoneOfTheOldOnes() async throws {
        try await withFolder { folder in
            try await withStore(in: folder) { store in
                let first = try await store.register(cell)
                #expect(try await store.commit(commit(.at(1), of: first)))
                let second = try await store.register(cell, epoch: 2)
                #expect(try await checkpoints(store, version: 1).isEmpty)
                #expect(try await store.commit(commit(.at(2), of: second, epoch: 2)))
                #expect(try await checkpoints(store, version: 1).isEmpty)
                #expect(try await checkpoints(store, version: 2).map(\.content) == [.at(2)])
            }
            let count = try withDatabase(in: folder) {
                try Int.fetchOne($0, sql: "SELECT count(*) FROM lachesis_checkpoints")
            }
            #expect(count == 1)
        }
    }

    @Test func aDiscardedCheckpointIsGoneAndItsNumberDoesNotComeBack() async throws {
        try await withStore { store in
            let other = try BatteryName("other")
            let estimator = try await store.register(cell)
            _ = try await store.register(other)
            for cursor in 1...2 as ClosedRange<Int64> {
                #expect(try await store.commit(commit(.at(cursor), of: estimator)))
            }
            let newest = try #require(try await checkpoints(store).first)
            try await store.discardCheckpoint(newest.id, of: other)
            #expect(try await checkpoints(store).first == newest)
            for _ in 1...2 { try await store.discardCheckpoint(newest.id, of: cell) }
            #expect(try await checkpoints(store).map(\.content) == [.at(1)])
            try await store.discardCheckpoint(newest.id, of: try BatteryName("unknown"))
            #expect(try await store.commit(commit(.at(3), of: estimator)))
            let next = try #require(try await checkpoints(store).first)
            #expect(next.id > newest.id && next.content == .at(3))
            #expect(try await checkpoints(store).map(\.content) == [.at(3), .at(1)])
        }
    }

    @Test(arguments: [
        "state = zeroblob(100)", "state = x''", "state = 'text'", "state = 7", "cursor = 3", "cursor = 'x'",
        "sha256 = zeroblob(32)", "sha256 = 5", "sha256 = substr(sha256, 1, 31)", "mean = x'00'", "mean = 1.5",
        "covariance = zeroblob(32)", "stepped = stepped + 1", "stepped = 'many'", "late = 1.5", "latest_time = NULL",
        "last_error = ''", "version = 1, latest_time = 'x'",
        "state = CAST(substr(state, 1, 50) || x'ff' || substr(state, 52) AS BLOB)",
    ])
    func aDamagedCheckpointHasNoContentAndTheOneBeforeItHas(_ damage: String) async throws {
        try await withFolder { folder in
            try await withStore(in: folder) { store in
                let estimator = try await store.register(cell)
                for cursor in 1...2 as ClosedRange<Int64> {
                    #expect(try await store.commit(commit(.at(cursor), of: estimator)))
                }
            }
            try withDatabase(in: folder) { database in
                try database.execute(
                    sql:
                        "UPDATE lachesis_checkpoints SET \(damage) WHERE id = (SELECT max(id) FROM lachesis_checkpoints)"
                )
            }
            let found = try await withStore(in: folder) { try await checkpoints($0) }
            #expect(found.map(\.content) == [nil, .at(1)])
        }
    }

    @Test func aCheckpointMovedToAnotherBatteryHasNoContent() async throws {
        try await withFolder { folder in
            let other = try BatteryName("other")
            try await withStore(in: folder) { store in
                let estimator = try await store.register(other)
                _ = try await store.register(cell)
                #expect(try await store.commit(commit(.at(2), of: estimator)))
            }
            try withDatabase(in: folder) { database in
                try database.execute(
                    sql: """
                        UPDATE lachesis_checkpoints
                        SET battery = (SELECT battery FROM lachesis_batteries WHERE name = 'cell')
                        """)
            }
            let found = try await withStore(in: folder) { try await checkpoints($0) }
            #expect(found.map(\.content) == [nil])
        }
    }

    @Test func anUnknownBatteryHasNoCheckpoints() async throws {
        try await withStore { store in
            await expect(.unknownBattery) { try await store.checkpoint(of: cell, version: 1) }
        }
    }
}
