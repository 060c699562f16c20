import Foundation
import GRDB
import LachesisModel
import Testing

@testable import LachesisStore

/// What a transaction's failure does to those who share it.
@Suite struct FailureTests {
    private let cell = try! BatteryName("cell")

    private struct Fault: Error {}

    @Test func aJobThatFailsTakesNoOtherWithIt() async throws {
        try await withFolder { folder in
            try await withStore(in: folder) { store in
                try await withThrowingTaskGroup { group in
                    try await holdingTheWriter(of: store) {
                        for number in 0..<20 as Range<Int64> {
                            group.addTask { [cell] in
                                let outcome = try await store.append(
                                    batch([[("n", .integer(number))]]), to: cell, stream: "s")
                                #expect(outcome.stored == 1)
                            }
                            group.addTask {
                                // It writes before it fails: what it wrote must go, and what others wrote must stay.
                                await expect(.other) {
                                    try await store.queue.perform { transaction in
                                        try transaction.database.execute(sql: "DELETE FROM lachesis_streams")
                                        throw Fault()
                                    }
                                }
                            }
                        }
                        try await Task.sleep(for: .milliseconds(50))
                    }
                    try await group.waitForAll()
                }
                #expect(try await store.streamTotal("s", of: cell) == 20)
            }
            let numbers = try await withStore(in: folder) { try await $0.integers("n", of: cell) }
            #expect(numbers.sorted() == Array(0..<20))
        }
    }

    @Test func aFailedTransactionLeavesNothingBehind() async throws {
        try await withStore { store in
            try await store.store(["a": 1], to: cell)
            let estimator = try await store.register(cell, epoch: 1)
            let before = store.stats()
            await expect(.other) {
                try await store.queue.perform { transaction in
                    var appender = try RecordAppender(transaction, battery: cell, columnLimit: 10)
                    _ = try appender.append(batch(["a": 0.5, "b": "x"]))
                    if let entry = appender.entry { transaction.keepAppended(entry) }
                    _ = try EstimatorWriter(transaction: transaction).commit(
                        .rows([1], of: estimator, epoch: 9, cursor: 1))
                    throw Fault()
                }
            }
            #expect(store.stats() == before)
            #expect(store.estimators() == [estimator])
            // The same columns in another order: no statement of the transaction that was rolled back may serve.
            try await store.store(["b": 1.5, "a": 2], to: cell)
            #expect(try await store.rows(of: cell) == [[1, nil], [2, 1.5]])
            #expect(try store.columns(of: cell) == ["a INTEGER", "b FLOAT"])
            #expect(try await store.commit(.rows([1], of: estimator, epoch: 1)))
        }
    }

    @Test func aFullDiskRefusesWhatDoesNotFitAndNothingElse() async throws {
        try await withFolder { folder in
            try await withStore(in: folder) { store in
                try await store.store(["n": 1], to: cell)
                let estimator = try await store.register(cell)
                let pages = try await store.pool.writeWithoutTransaction { database in
                    let count = try Int.fetchOne(database, sql: "PRAGMA page_count") ?? 0
                    return try Int.fetchOne(database, sql: "PRAGMA max_page_count = \(count + 4)")
                }
                #expect(pages != nil)
                let text = String(repeating: "x", count: 50_000)
                let large = batch((0..<10).map { [("note", .text(text)), ("n", .integer($0))] })
                async let refused: Void = expect(.full) { [cell] in
                    try await store.append(large, to: cell, stream: "s")
                }
                try await store.store(["n": 2], to: cell)
                await refused
                await expect(.full) { try await store.registerMetadata(text, for: cell) }
                let files = [ScriptFile(name: "f", content: Array(repeating: 0, count: 50_000))]
                await expect(.full) {
                    try await store.register(
                        Registration(battery: cell, plugin: "p", definition: "d", files: files), description: .example,
                        snapshot: .initial, epoch: 9)
                }
                #expect(store.estimators() == [estimator])
                #expect(try await store.registration(of: cell).files.isEmpty)
                #expect(store.stats(of: cell)?.hasMetadata == false)
                #expect(try await store.streamTotal("s", of: cell) == 0)
                #expect(try await store.rows(of: cell) == [[1], [2]])
                try await store.pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA max_page_count = 1000000") }
                #expect(
                    try await store.append(large, to: cell, stream: "s") == AppendOutcome(stored: 10, streamTotal: 10))
            }
            let rows = try await withStore(in: folder) { try await $0.rows(of: cell) }
            #expect(rows.map { $0[0] } == [1, 2] + (0..<10).map { .integer($0) })
        }
    }

    @Test func aResultThatFindsNoSpaceIsWrittenOnceThereIs() async throws {
        try await withFolder { folder in
            try await withStore(in: folder) { store in
                try await store.store(["n": 1], ["n": 2], to: cell)
                let estimator = try await store.register(cell)
                var result = EstimateCommit.rows([1, 2], of: estimator, epoch: 1, cursor: 2)
                result.checkpoint = .at(2, bytes: 200_000)
                try await store.pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA max_page_count = 1") }
                for _ in 1...3 { await expect(.full) { try await store.commit(result) } }
                #expect(store.estimator(of: cell) == estimator)
                #expect(try await store.checkpoint(of: cell, version: 1) == nil)
                try await store.pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA max_page_count = 1000000") }
                #expect(try await store.commit(result))
                #expect(try await store.checkpoint(of: cell, version: 1)?.content == result.checkpoint)
                #expect(store.estimator(of: cell)?.cursor == 2)
            }
            #expect(try Store.check(folder: folder).problems == [])
        }
    }

    @Test func aDiskThatTakesNothingIsToldFromAFullOneAndUsedAgainOnceItDoes() async throws {
        try await withFolder { folder in
            try await withStore(in: folder) { store in
                try await store.store(["n": 1], to: cell)
                let estimator = try await store.register(cell)
                try await store.pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA query_only = ON") }
                for _ in 1...3 {
                    await expect(.io) { try await store.append(batch(["n": 2]), to: cell, stream: "s") }
                    await expect(.io) { try await store.registerMetadata("{}", for: cell) }
                    await expect(.io) { try await store.register(cell, epoch: 2) }
                    await expect(.io) { try await store.commit(.rows([1], of: estimator, epoch: 1)) }
                    await expect(.io) { try await store.beginSession() }
                }
                #expect(try await store.rows(of: cell) == [[1]])
                try await store.pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA query_only = OFF") }
                let outcome = try await store.append(batch(["n": 2]), to: cell, stream: "s")
                #expect(outcome == AppendOutcome(stored: 1, streamTotal: 1))
                #expect(try await store.commit(.rows([1], of: estimator, epoch: 1, cursor: 1)))
                #expect(try await store.rows(of: cell) == [[1], [2]])
            }
            #expect(try Store.check(folder: folder).problems == [])
        }
    }

    @Test func moreTablesThanStatementsAreKeptForAreWritten() async throws {
        try await withStore { store in
            let names = try (0..<300).map { try BatteryName("battery \($0)") }
            for round in 0..<3 as Range<Int64> {
                try await withThrowingTaskGroup { group in
                    for name in names {
                        group.addTask { try await store.store(["n": .integer(round)], to: name) }
                    }
                    try await group.waitForAll()
                }
            }
            for name in names { #expect(try await store.rows(of: name) == [[0], [1], [2]]) }
        }
    }
}
