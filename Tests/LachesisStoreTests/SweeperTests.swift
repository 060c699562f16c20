import GRDB
import LachesisModel
import Synchronization
import Testing

@testable import LachesisStore

/// Rows of each doomed table.
private func doomed(_ database: Database) throws -> [Int] {
    try String.fetchAll(
        database, sql: "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'lachesis_doomed_%'"
    ).map { try Int.fetchOne(database, sql: "SELECT count(*) FROM \($0)") ?? 0 }
}

@Suite struct SweeperTests {
    private let cell = try! BatteryName("cell")

    private func fill(_ store: Store, records: Int) async throws {
        let times: [Record] = (0..<records).map { [("test_time", .real(Double($0)))] }
        #expect(try await store.append(batch(times), to: cell, stream: nil).stored == records)
    }

    /// Submits itself again and again, as the sweeper does, and notes how many rows are doomed each time, until none are.
    private final class Witness: Sendable {
        let queue: CommitQueue
        let rows = Mutex<[Int]>([])

        init(_ queue: CommitQueue) { self.queue = queue }

        func watch() async {
            await withCheckedContinuation { continuation in submit { continuation.resume() } }
        }

        private func submit(_ end: @escaping @Sendable () -> Void) {
            queue.submit(
                WriteJob(
                    weight: 1,
                    run: { transaction in
                        let counts = try doomed(transaction.database)
                        return {
                            if !counts.isEmpty { self.rows.withLock { $0.append(counts.reduce(0, +)) } }
                            let isOver = counts.isEmpty && self.rows.withLock { !$0.isEmpty }
                            if isOver { end() } else { self.submit(end) }
                        }
                    }, fail: { _ in end() }))
        }
    }

    @Test func othersWriteBetweenThePiecesOfALargeTable() async throws {
        try await withFolder { folder in
            try await withStore(in: folder) { store in
                try await fill(store, records: 4 * Sweeper.rows)
                let witness = Witness(store.queue)
                async let watching: Void = witness.watch()
                #expect(try await store.delete(cell) == Int64(4 * Sweeper.rows))
                try await store.store(["n": 1], to: cell)
                await watching
                let rows = witness.rows.withLock { $0 }
                #expect(Set(rows).isSuperset(of: (1...4).map { $0 * Sweeper.rows }.dropLast()))
                #expect(zip(rows, rows.dropFirst()).allSatisfy { $0 - $1 <= Sweeper.rows && $0 >= $1 })
                #expect(try await store.rows(of: cell) == [[1]])
            }
            let indexes = try withDatabase(in: folder) { database in
                #expect(try doomed(database).isEmpty)
                return try String.fetchAll(
                    database, sql: "SELECT name FROM sqlite_master WHERE type = 'index' AND sql > ''")
            }
            #expect(indexes.sorted() == ["lachesis_2_test_time", "lachesis_checkpoints_of_battery"])
            #expect(try Store.check(folder: folder).problems == [])
        }
    }

    @Test func aStoreClosedInTheMidstGoesOnWhenItIsOpened() async throws {
        try await withFolder { folder in
            try await withStore(in: folder) { store in
                try await fill(store, records: 40 * Sweeper.rows)
                _ = try await store.delete(cell)
            }
            #expect(try Store.check(folder: folder).problems == [])
            try await withStore(in: folder) { store in
                #expect(store.stats().isEmpty)
                try await store.store(["n": 1], to: cell)
                try await finishSweeping(store)
                #expect(try await store.rows(of: cell) == [[1]])
            }
            let (rest, free) = try withDatabase(in: folder) {
                (try doomed($0), try Int.fetchOne($0, sql: "PRAGMA freelist_count") ?? 0)
            }
            #expect(rest.isEmpty && free > 100)
            #expect(try Store.check(folder: folder).problems == [])
        }
    }

    @Test func whatAServerLeftThatDiedIsSweptByTheNext() async throws {
        try await withFolder { folder in
            try await withStore(in: folder) { try await $0.store(["n": 1], to: cell) }
            try withDatabase(in: folder) { database in
                for number in [7, 12] {
                    try database.execute(
                        sql: """
                            CREATE TABLE lachesis_doomed_\(number) (lachesis_sequence INTEGER PRIMARY KEY, x);
                            CREATE INDEX lachesis_\(number)00_test_time ON lachesis_doomed_\(number) (x);
                            WITH RECURSIVE s(n) AS (SELECT 5 UNION ALL SELECT n + 3 FROM s LIMIT \(3 * Sweeper.rows))
                            INSERT INTO lachesis_doomed_\(number) SELECT n, 0.5 FROM s;
                            """)
                }
            }
            try await withStore(in: folder) { store in
                try await finishSweeping(store)
                #expect(try await store.rows(of: cell) == [[1]])
            }
            let names = try withDatabase(in: folder) {
                try String.fetchSet($0, sql: "SELECT name FROM sqlite_master WHERE name LIKE '%00_test_time'")
            }
            #expect(names.isEmpty)
            #expect(try Store.check(folder: folder).problems == [])
        }
    }

    @Test func estimatesOfAnOldVersionAreSweptAndTheNewOnesStay() async throws {
        try await withFolder { folder in
            try await withStore(in: folder) { store in
                for version in 1...5 as ClosedRange<UInt64> {
                    let estimator = try await store.register(cell, epoch: version)
                    let sequences = Array(1...Int64(6_000 + version))
                    #expect(try await store.commit(.rows(sequences, of: estimator, epoch: version)))
                }
                try await finishSweeping(store)
            }
            let (rest, rows) = try withDatabase(in: folder) {
                (try doomed($0), try Int.fetchOne($0, sql: "SELECT count(*) FROM cell_estimates"))
            }
            #expect(rest.isEmpty && rows == 6_005)
        }
    }

    @Test func aViewOverABatterysTablesSeesTheNewOnes() async throws {
        try await withStore { store in
            // Large enough to be renamed.
            try await fill(store, records: Sweeper.rows)
            let first = try await store.register(cell, epoch: 1)
            #expect(try await store.commit(.rows(Array(1...Int64(Sweeper.rows)), of: first, epoch: 1)))
            try await store.pool.writeWithoutTransaction { database in
                try database.execute(sql: "CREATE VIEW v AS SELECT lachesis_sequence FROM cell_estimates")
                try database.execute(sql: "CREATE VIEW broken AS SELECT * FROM nowhere")
            }
            let second = try await store.register(cell, epoch: 2)
            #expect(try await store.commit(.rows([7], of: second, epoch: 2)))
            try await finishSweeping(store)
            #expect(try await store.read { try Int.fetchAll($0, sql: "SELECT * FROM v") } == [7])
            _ = try await store.delete(cell)
            try await finishSweeping(store)
            #expect(try await store.read { try doomed($0) }.isEmpty)
        }
    }

    @Test func aSweepThatFailsHindersNobodyAndIsDoneLater() async throws {
        try await withFolder { folder in
            try await withStore(in: folder) { store in
                try await fill(store, records: 2 * Sweeper.rows)
                try await store.pool.writeWithoutTransaction { database in
                    try database.execute(
                        sql: "CREATE TRIGGER t BEFORE DELETE ON cell BEGIN SELECT RAISE(ABORT, 'not now'); END")
                }
                _ = try await store.delete(cell)
                for number in 0..<20 as Range<Int64> { try await store.store(["n": .integer(number)], to: cell) }
                #expect(try await store.integers("n", of: cell) == Array(0..<20))
                #expect(try await store.read { try doomed($0) } == [2 * Sweeper.rows])
                try await store.pool.writeWithoutTransaction { try $0.execute(sql: "DROP TRIGGER t") }
                store.sweeper.wake()
                try await finishSweeping(store)
            }
            #expect(try Store.check(folder: folder).problems == [])
        }
    }
}
