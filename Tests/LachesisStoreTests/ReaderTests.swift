import GRDB
import LachesisModel
import Testing

@testable import LachesisStore

/// Reading goes on whatever is written meanwhile.
@Suite struct ReaderTests {
    private let cell = try! BatteryName("cell")

    /// Reading a schema of many tables takes longer than making another one.
    @Test func readersMindNoTablesThatComeOneAfterTheOther() async throws {
        try await withFolder { folder in
            try await withStore(in: folder) { store in
                try await store.store(["a": 1], to: cell)
                var configuration = Configuration()
                configuration.busyMode = .timeout(10)
                let others = try DatabaseQueue(path: folder + "/lachesis.sqlite", configuration: configuration)
                try await others.write { database in
                    for number in 0..<1_000 { try database.execute(sql: "CREATE TABLE before_\(number) (a, b, c)") }
                }
                let maker = Task {
                    try await others.writeWithoutTransaction { database in
                        try database.execute(sql: "PRAGMA synchronous = OFF")
                        var number = 0
                        // Until it is cancelled: then the database throws.
                        while true {
                            try database.execute(sql: "CREATE TABLE meanwhile_\(number) (x)")
                            number += 1
                        }
                    }
                }
                defer { maker.cancel() }
                while try await store.read({ try !$0.tableExists("meanwhile_0") }) {}
                // Many at once need all the connections that there are.
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
