import GRDB
import LachesisModel
import LachesisStore
import Testing

@Suite struct BatteryNameTests {
    @Test(arguments: [
        "select", "9lives", "with space", "Zelle Ä-1", "a.b", "__", "table", "e\u{301}clair", "温度", "drop table cell",
        "1_test_time", "main.cell", "x--y", String(repeating: "ä", count: 128),
    ])
    func anAllowedNameServesInEveryPlace(_ text: String) async throws {
        let name = try BatteryName(text)
        try await withFolder { folder in
            try await withStore(in: folder) { store in
                try await store.registerMetadata("{}", for: name)
                try await store.store(["test_time": 1.0], ["test_time": 2.0], to: name)
                let estimator = try await store.register(name)
                #expect(try await store.commit(.rows([1, 2], of: estimator, epoch: 1)))
                _ = try await store.register(name)
            }
            try await withStore(in: folder) { store in
                let rows = try await store.rows(of: name)
                #expect(rows == [[1.0], [2.0]])
                #expect(store.stats().map(\.name) == [name])
                #expect(store.estimator(of: name)?.version == 2)
                #expect(try await store.metadata(of: name) == "{}")
                #expect(try await store.registration(of: name).battery == name)
            }
        }
    }

    @Test func aNameThatDiffersInCaseAloneClashes() async throws {
        let (name, other) = (try BatteryName("Cell Ä"), try BatteryName("cELL Ä"))
        try await withStore { store in
            try await store.store(["a": 1], to: name)
            let estimator = try await store.register(name, epoch: 1)
            await expect(.nameClash) { try await store.append(batch(["a": 2]), to: other, stream: "s") }
            await expect(.nameClash) { try await store.append(RecordBatch(), to: other, stream: nil) }
            await expect(.nameClash) { try await store.registerMetadata("{}", for: other) }
            await expect(.nameClash) { try await store.register(other) }
            await expect(.nameClash) { try await store.streamTotal("s", of: other) }
            await expect(.unknownBattery) { try store.data(of: other) }
            await expect(.unknownBattery) { try await store.metadata(of: other) }
            await expect(.unknownBattery) { try await store.registration(of: other) }
            var commit = EstimateCommit.rows([1], of: estimator, epoch: 2)
            commit.battery = other
            #expect(try await store.commit(commit) == false)
            #expect(store.otherSpelling(of: other) == name)
            #expect(store.otherSpelling(of: name) == nil)
            #expect(store.stats(of: other) == nil)
            #expect(store.stats().map(\.name) == [name])
            #expect(try await store.rows(of: name) == [[1]])
            #expect(try await store.metadata(of: name) == nil)
        }
    }

    @Test func ofTwoClashingNamesAtOnceOneIsMade() async throws {
        try await withStore { store in
            let names = try ["cell", "CELL", "Cell", "cELL"].map { try BatteryName($0) }
            let winners = await withTaskGroup { group in
                for name in names {
                    group.addTask {
                        (try? await store.append(batch(["a": 1]), to: name, stream: nil)).map { _ in name }
                    }
                }
                return await group.reduce(into: [BatteryName]()) { if let name = $1 { $0.append(name) } }
            }
            #expect(winners.count == 1)
            #expect(store.stats().map(\.name) == winners)
        }
    }

    @Test func lettersBeyondASCIIDoNotClash() async throws {
        try await withFolder { folder in
            let names = try ["Ä", "ä", "ß", "ẞ", "İ", "i"].map { try BatteryName($0) }
            try await withStore(in: folder) { store in
                for (number, name) in names.enumerated() {
                    try await store.store(["n": .integer(Int64(number))], to: name)
                    _ = try await store.register(name)
                }
            }
            try await withStore(in: folder) { store in
                for (number, name) in names.enumerated() {
                    let rows = try await store.rows(of: name)
                    #expect(rows == [[.integer(Int64(number))]])
                }
                #expect(store.stats().map(\.name) == names.sorted())
            }
        }
    }

    @Test func aTableThatIsNoBatterysIsLeftAlone() async throws {
        try await withFolder { folder in
            try await withStore(in: folder) { _ in }
            try withDatabase(in: folder) { database in
                try database.execute(sql: "CREATE TABLE Foreign1 (x); INSERT INTO Foreign1 VALUES (42)")
                try database.execute(sql: "CREATE VIEW v2_estimates AS SELECT 1")
            }
            try await withStore(in: folder) { store in
                for text in ["foreign1", "Foreign1", "grdb_migrations", "V2"] {
                    let name = try BatteryName(text)
                    await expect(.nameClash) { try await store.append(batch(["a": 1]), to: name, stream: nil) }
                    await expect(.nameClash) { try await store.registerMetadata("{}", for: name) }
                    await expect(.nameClash) { try await store.register(name) }
                }
                #expect(store.stats().isEmpty)
                try await store.store(["a": 1], to: try BatteryName("foreign2"))
            }
            let content = try withDatabase(in: folder) { try Int.fetchOne($0, sql: "SELECT x FROM Foreign1") }
            #expect(content == 42)
        }
    }

    @Test func batteriesAreListedByName() async throws {
        try await withStore { store in
            let names = try ["m", "z", "a", "B", "ä", "m2", "_", "9"].map { try BatteryName($0) }
            for name in names { try await store.registerMetadata("{}", for: name) }
            #expect(store.stats().map(\.name) == names.sorted())
        }
    }
}
