import Foundation
import GRDB
import LachesisModel
import Testing

@testable import LachesisStore

@Suite struct DeletionTests {
    private let cell = try! BatteryName("cell")
    private let other = try! BatteryName("other")

    /// Gives a battery one of everything that a battery can have.
    private func fill(_ name: BatteryName, _ store: Store) async throws -> RegisteredEstimator {
        try await store.registerMetadata("{}", for: name)
        _ = try await store.append(
            batch(["test_time": 1.0, "n": 1], ["test_time": 2.0, "n": 2]), to: name, stream: "s")
        let registration = Registration(
            battery: name, plugin: "p", definition: "d", files: [ScriptFile(name: "f", content: [1])])
        let estimator = try await store.register(
            registration, description: .example, snapshot: .initial, epoch: 1)
        var result = EstimateCommit.rows([1, 2], of: estimator, epoch: 1, cursor: 2)
        result.checkpoint = .at(2)
        #expect(try await store.commit(result))
        return estimator
    }

    @Test func nothingIsLeftOfADeletedBattery() async throws {
        try await withFolder { folder in
            try await withStore(in: folder) { store in
                for battery in [cell, other] {
                    // So that there is a version that was replaced, too.
                    _ = try await store.register(battery)
                    _ = try await fill(battery, store)
                }
            }
            try withDatabase(in: folder) { database in
                try database.execute(
                    sql: "INSERT INTO lachesis_summaries SELECT battery, 0, -1, 0, x'00' FROM lachesis_batteries")
            }
            try await withStore(in: folder) { store in
                let untouched = store.stats(of: other)
                #expect(try await store.delete(cell) == 2)
                #expect(store.stats() == [untouched])
                #expect(store.estimators().map(\.battery) == [other])
                #expect(store.otherSpelling(of: try BatteryName("CELL")) == nil)
                await expect(.unknownBattery) { try store.data(of: cell) }
                await expect(.unknownBattery) { try await store.metadata(of: cell) }
                await expect(.unknownBattery) { try await store.registration(of: cell) }
                await expect(.unknownBattery) { try await store.checkpoint(of: cell, version: 1) }
                await expect(.unknownBattery) { try await store.records(of: cell, after: 0, columns: [], limit: 9) }
                await expect(.unknownBattery) { try await store.delete(cell) }
                #expect(try await store.streamTotal("s", of: cell) == 0)
                try await finishSweeping(store)
            }
            let (rows, names) = try withDatabase(in: folder) { database in
                (
                    try WriteTransaction.tables.map { table in
                        try Int.fetchOne(database, sql: "SELECT count(DISTINCT battery) FROM \(table)")
                    },
                    try String.fetchSet(database, sql: "SELECT name FROM sqlite_master")
                )
            }
            #expect(rows == rows.map { _ in 1 })
            #expect(names.isDisjoint(with: ["cell", "cell_estimates", "lachesis_1_test_time"]))
            #expect(names.isSuperset(of: ["other", "other_estimates", "lachesis_2_test_time"]))
            try await withStore(in: folder) { store in #expect(store.stats().map(\.name) == [other]) }
            #expect(try Store.check(folder: folder).problems == [])
        }
    }

    @Test func theNameIsFreeAtOnceForABatteryThatBeginsAnew() async throws {
        try await withFolder { folder in
            try await withStore(in: folder) { store in
                _ = try await fill(cell, store)
                #expect(try await store.delete(cell) == 2)
                let outcome = try await store.append(batch(["n": "text", "new": 1]), to: cell, stream: "s")
                #expect(outcome == AppendOutcome(stored: 1, streamTotal: 1))
                #expect(try store.columns(of: cell) == ["n VARCHAR", "new INTEGER"])
                #expect(store.stats(of: cell)?.hasMetadata == false)
                #expect(store.stats(of: cell)?.hasEstimator == false)
                await expect(.unknownEstimator) { try await store.registration(of: cell) }
                let estimator = try await fill2(store)
                #expect(estimator.cursor == 0 && estimator.origin == 0)
                #expect(try await store.checkpoint(of: cell, version: estimator.version) == nil)
            }
            try await withStore(in: folder) { store in
                let rows = try await store.rows(of: cell)
                #expect(rows == [["text", 1]])
                #expect(try await store.streamTotal("s", of: cell) == 1)
                #expect(store.estimator(of: cell) != nil)
            }
            #expect(try Store.check(folder: folder).problems == [])
        }
    }

    private func fill2(_ store: Store) async throws -> RegisteredEstimator {
        var description = EstimatorDescription.example
        description.stateNames = ["other"]
        return try await store.register(cell, epoch: 2, description: description)
    }

    @Test func aBatteryWithMetadataAloneIsDeletedToo() async throws {
        try await withStore { store in
            try await store.registerMetadata("{}", for: cell)
            #expect(try await store.delete(cell) == 0)
            #expect(store.stats().isEmpty)
            _ = try await store.register(cell)
            #expect(try await store.delete(cell) == 0)
            #expect(store.stats().isEmpty)
        }
    }

    @Test func anEstimatorIsRemovedAlone() async throws {
        try await withFolder { folder in
            try await withStore(in: folder) { store in
                for battery in [cell, other] { _ = try await fill(battery, store) }
                _ = try await store.register(cell)
            }
            try withDatabase(in: folder) { database in
                for source in [RowTable.Kind.records, .estimates] {
                    try database.execute(
                        sql: "INSERT INTO lachesis_summaries SELECT battery, ?, -1, 0, x'00' FROM lachesis_batteries",
                        arguments: [source.rawValue])
                }
            }
            let old = try await withStore(in: folder) { store in
                let old = try #require(store.estimator(of: cell))
                #expect(try await store.removeEstimator(of: cell) == 2)
                #expect(store.stats(of: cell)?.hasEstimator == false && store.stats(of: cell)?.hasMetadata == true)
                #expect(store.stats(of: cell)?.rows == 2)
                await expect(.unknownEstimator) { try store.history(of: cell) }
                await expect(.unknownEstimator) { try await store.registration(of: cell) }
                await expect(.unknownEstimator) { try await store.removeEstimator(of: cell) }
                #expect(try await store.versions(of: cell).isEmpty)
                #expect(try await store.commit(.rows([1], of: old, epoch: 99)) == false)
                try await finishSweeping(store)
                return old
            }
            let (tables, left, summaries) = try withDatabase(in: folder) { database in
                (
                    try String.fetchSet(database, sql: "SELECT name FROM sqlite_master"),
                    try WriteTransaction.estimatorTables.map { table in
                        try Int64.fetchSet(database, sql: "SELECT battery FROM \(table)")
                    },
                    try Int.fetchAll(database, sql: "SELECT source FROM lachesis_summaries WHERE battery = 1")
                )
            }
            #expect(!tables.contains("cell_estimates") && tables.isSuperset(of: ["cell", "other_estimates"]))
            #expect(left.allSatisfy { $0.isSubset(of: [2]) } && left.contains([2]))
            #expect(summaries == [Int(RowTable.Kind.records.rawValue)])
            #expect(try Store.check(folder: folder).problems == [])
            try await withStore(in: folder) { store in
                #expect(store.estimator(of: cell) == nil && store.estimator(of: other) != nil)
                let new = try await store.register(cell, epoch: 1)
                #expect(new.version == 3 && new.cursor == 0)
                #expect(try await store.versions(of: cell).map(\.version) == [3])
                #expect(try await store.commit(.rows([1], of: old, epoch: 99)) == false)
                #expect(try await store.commit(.rows([1], of: new, epoch: 1, cursor: 1)))
            }
            #expect(try Store.check(folder: folder).problems == [])
        }
    }

    @Test func aBatteryOfWhichNothingElseIsKnownGoesWithItsEstimator() async throws {
        try await withFolder { folder in
            try await withStore(in: folder) { store in
                await expect(.unknownBattery) { try await store.removeEstimator(of: cell) }
                _ = try await store.register(cell)
                #expect(try await store.removeEstimator(of: cell) == 1)
                #expect(store.stats().isEmpty)
                #expect(try await store.nextVersion(of: cell) == 2)
            }
            #expect(try Store.check(folder: folder).problems == [])
        }
    }

    @Test func onlyTheExactNameIsDeleted() async throws {
        try await withStore { store in
            try await store.store(["n": 1], to: cell)
            await expect(.unknownBattery) { try await store.delete(try BatteryName("CELL")) }
            await expect(.unknownBattery) { try await store.delete(other) }
            #expect(try await store.rows(of: cell) == [[1]])
            #expect(try await store.delete(cell) == 1)
            try await store.store(["n": 2], to: try BatteryName("CELL"))
            #expect(store.stats().map(\.name.text) == ["CELL"])
        }
    }

    // MARK: What comes late

    @Test func aLateResultDoesNotReachABatteryOfTheSameName() async throws {
        try await withFolder { folder in
            let old = try await withStore(in: folder) { store in
                let old = try await fill(cell, store)
                _ = try await store.delete(cell)
                #expect(try await store.commit(.rows([1], of: old, epoch: 99)) == false)
                try await store.store(["n": 1], to: cell)
                #expect(try await store.commit(.rows([1], of: old, epoch: 99)) == false)
                // The new one's worker was started before the old one's last.
                let new = try await store.register(cell, epoch: 50)
                var late = EstimateCommit.rows([1], of: old, epoch: 99, cursor: 1)
                late.checkpoint = .at(1)
                #expect(try await store.commit(late) == false)
                #expect(store.estimator(of: cell) == new)
                #expect(try await store.commit(.rows([1], of: new, epoch: 50, cursor: 1)))
                return old
            }
            try await withStore(in: folder) { store in
                _ = try await store.delete(cell)
                _ = try await store.register(cell, epoch: 1)
                #expect(try await store.commit(.rows([1], of: old, epoch: 99)) == false)
            }
            #expect(try Store.check(folder: folder).problems == [])
        }
    }

    @Test func aReadingOfADeletedBatteryEndsAndDoesNotGoOnInItsSuccessor() async throws {
        try await withStore { store in
            let records: [Record] = (0..<1_500).map { [("n", .integer($0))] }
            #expect(try await store.append(batch(records), to: cell, stream: nil).stored == 1_500)
            var reader = try store.data(of: cell)
            var untouched = reader
            #expect(try await reader.next()?.count == 1_000)
            _ = try await store.delete(cell)
            await expect(.unknownBattery) { try await reader.next() }
            #expect(try await store.append(batch(records), to: cell, stream: nil).stored == 1_500)
            await expect(.unknownBattery) { try await reader.next() }
            await expect(.unknownBattery) { try await untouched.next() }
        }
    }

    // MARK: Within one transaction

    private func append(_ batch: RecordBatch, to name: BatteryName, _ transaction: WriteTransaction) throws {
        var appender = try RecordAppender(transaction, battery: name, columnLimit: 10)
        #expect(try appender.append(batch) == nil)
        transaction.keepAppended(try #require(appender.entry))
    }

    private func delete(_ name: BatteryName, _ transaction: WriteTransaction) throws {
        try transaction.delete(try #require(try transaction.battery(name)))
    }

    @Test func aBatteryMayBeMadeAndDeletedAndMadeAgainInOneTransaction() async throws {
        try await withFolder { folder in
            try await withStore(in: folder) { store in
                let upper = try BatteryName("CELL")
                try await store.store(["n": 1], to: try BatteryName("b"))
                try await store.queue.perform { transaction in
                    try append(batch(["n": 1]), to: cell, transaction)
                    _ = try EstimatorWriter(transaction: transaction).register(
                        Registration(battery: cell, plugin: "p", definition: "d", files: []), description: .example,
                        snapshot: .initial, acceleration: nil, epoch: 1, time: 0, columnLimit: 10)
                    try delete(cell, transaction)
                    try append(batch(["a": "x"], ["b": 2]), to: upper, transaction)
                    try delete(upper, transaction)
                    try append(batch(["c": 3]), to: cell, transaction)
                }
                #expect(store.stats().map(\.name.text) == ["b", "cell"])
                #expect(try await store.rows(of: cell) == [[3]])
                #expect(try store.columns(of: cell) == ["c INTEGER"])
                #expect(store.estimators().isEmpty)
            }
            #expect(try Store.check(folder: folder).problems == [])
        }
    }

    @Test func aBatteryThatIsSpeltOtherwiseInOneTransactionHasAnotherPlace() async throws {
        try await withStore { store in
            for text in ["B", "cell", "D"] { try await store.registerMetadata("{}", for: try BatteryName(text)) }
            #expect(store.stats().map(\.name.text) == ["B", "D", "cell"])
            let upper = try BatteryName("CELL")
            try await store.queue.perform { transaction in
                try delete(cell, transaction)
                try append(batch(["n": 1]), to: upper, transaction)
            }
            #expect(store.stats().map(\.name.text) == ["B", "CELL", "D"])
            try await store.registerMetadata("{}", for: try BatteryName("C"))
            #expect(store.stats().map(\.name.text) == ["B", "C", "CELL", "D"])
        }
    }

    @Test func batteriesStayInTheOrderOfTheirNamesWhateverIsDeleted() async throws {
        try await withStore { store in
            let names = try ["Cell", "b", "a", "Z", "d"].map { try BatteryName($0) }
            for name in names { try await store.registerMetadata("{}", for: name) }
            _ = try await store.delete(names[0])
            _ = try await store.delete(names[2])
            #expect(store.stats().map(\.name.text) == ["Z", "b", "d"])
            try await store.registerMetadata("{}", for: cell)
            try await store.registerMetadata("{}", for: try BatteryName("A"))
            #expect(store.stats().map(\.name.text) == ["A", "Z", "b", "cell", "d"])
        }
    }

    @Test func aDeletionThatFailsDeletesNothing() async throws {
        try await withStore { store in
            let estimator = try await fill(cell, store)
            let before = store.stats()
            try await store.pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA query_only = ON") }
            await expect(.io) { try await store.delete(cell) }
            #expect(store.stats() == before)
            try await store.pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA query_only = OFF") }
            #expect(try await store.rows(of: cell).count == 2)
            #expect(try await store.commit(.rows([2], of: estimator, epoch: 1, cursor: 2)))
            #expect(try await store.delete(cell) == 2)
        }
    }
}
