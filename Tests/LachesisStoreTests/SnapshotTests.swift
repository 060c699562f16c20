import GRDB
import LachesisModel
import Testing

@testable import LachesisStore

/// What is read is of the moment when reading began, whatever is written meanwhile.
@Suite struct SnapshotTests {
    private let cell = try! BatteryName("cell")

    @Test func tablesThatAreMadeMeanwhileAreNotSeen() async throws {
        try await withFolder { folder in
            try await withStore(in: folder) { store in
                let count = try await store.read { database in
                    try withDatabase(in: folder) { try $0.execute(sql: "CREATE TABLE meanwhile (x)") }
                    return try Int.fetchOne(
                        database, sql: "SELECT count(*) FROM sqlite_master WHERE name = 'meanwhile'")
                }
                #expect(count == 0)
            }
        }
    }

    /// Reading a schema of many tables takes longer than making another one.
    @Test func readersMindNoTablesThatComeOneAfterTheOther() async throws {
        try await withFolder { folder in
            try await withStore(in: folder) { store in
                try await store.store(["a": 1], to: cell)
                let others = try DatabaseQueue(path: folder + "/lachesis.sqlite")
                try await others.write { database in
                    for number in 0..<1_000 { try database.execute(sql: "CREATE TABLE before_\(number) (a, b, c)") }
                }
                let maker = Task {
                    try await others.writeWithoutTransaction { database in
                        try database.execute(sql: "PRAGMA synchronous = OFF; PRAGMA busy_timeout = 5000")
                        var number = 0
                        // Until it is cancelled: then the database throws.
                        while true {
                            try database.execute(sql: "CREATE TABLE meanwhile_\(number) (x)")
                            number += 1
                        }
                    }
                }
                // Many at once need connections that are opened only now.
                try await withThrowingTaskGroup { group in
                    for _ in 0..<20 {
                        group.addTask { [cell] in
                            let records = try await store.records(of: cell, after: 0, columns: ["a"], limit: 10)
                            #expect(records.values == [1])
                        }
                    }
                    try await group.waitForAll()
                }
                maker.cancel()
                await #expect(throws: CancellationError.self) { try await maker.value }
                try others.close()
            }
        }
    }
}
