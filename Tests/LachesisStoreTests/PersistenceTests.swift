import Foundation
import GRDB
import LachesisModel
import LachesisStore
import Testing

@Suite struct PersistenceTests {
    private let cell = try! BatteryName("Zelle 7")

    /// Everything that a store tells of its batteries.
    private struct Content: Equatable {
        var stats: [BatteryStats]
        var rows: [[Value]] = []
        var metadata: String?
        var estimators: [RegisteredEstimator]
        var registration: Registration
        var stream: Int64

        init(_ store: Store, _ name: BatteryName) async throws {
            stats = store.stats()
            for try await page in try store.data(of: name) { rows += page.map(Array.init) }
            metadata = try await store.metadata(of: name)
            estimators = store.estimators()
            registration = try await store.registration(of: name)
            stream = try await store.streamTotal("s", of: name)
        }
    }

    @Test func reopeningGivesBackEverything() async throws {
        try await withFolder { folder in
            let before = try await withStore(in: folder) { store in
                try await store.registerMetadata("{\"is\": \"é 🔋\"}", for: cell)
                try await store.store(["test_time": 0, "n": 1, "open": nil], ["n": 0.5, "label": "x"], to: cell)
                _ = try await store.append(batch(["test_time": 2.0], ["late": 1]), to: cell, stream: "s")
                let estimator = try await store.register(cell, epoch: 3)
                _ = try await store.commit(.rows([1, 2], of: estimator, epoch: 1 << 63, cursor: 2))
                try await store.registerMetadata("[]", for: try BatteryName("only metadata"))
                _ = try await store.register(try BatteryName("only estimator"))
                return try await Content(store, cell)
            }
            #expect(
                before.stats.count == 3 && before.estimators.count == 2 && before.stream == 2 && before.rows.count == 4)
            for _ in 1...2 {
                let after = try await withStore(in: folder) { try await Content($0, cell) }
                #expect(after == before)
            }
            try await withStore(in: folder) { store in
                try await store.store(["test_time": 3.0, "n": 2], to: cell)
                let matrix = try await store.records(of: cell, after: 3, columns: ["n"], limit: 9)
                #expect(matrix.sequences == [4, 5])
                #expect(store.stats(of: cell)?.rows == 5)
            }
        }
    }

    @Test func metadataIsReplaced() async throws {
        try await withStore { store in
            await expect(.unknownBattery) { try await store.metadata(of: cell) }
            try await store.store(["a": 1], to: cell)
            #expect(store.stats(of: cell)?.hasMetadata == false)
            #expect(try await store.metadata(of: cell) == nil)
            for document in ["{\"a\": 1}", "{}", "\"\\u0000\"", String(repeating: "x", count: 300_000)] {
                try await store.registerMetadata(document, for: cell)
                #expect(try await store.metadata(of: cell) == document)
            }
            #expect(store.stats(of: cell)?.hasMetadata == true)
            #expect(try await store.rows(of: cell) == [[1]])
        }
    }

    @Test func startsAreCountedFromOne() async throws {
        try await withFolder { folder in
            for session in 1...3 as ClosedRange<UInt32> {
                let counted = try await withStore(in: folder) { try await $0.beginSession() }
                #expect(counted == session)
            }
        }
    }

    @Test func aClosedStoreLeavesOnlyTheDatabaseAndTheLock() async throws {
        try await withFolder { folder in
            try await withStore(in: folder) { store in
                for number in 0..<20 as Range<Int64> { try await store.store(["n": .integer(number)], to: cell) }
                #expect(try await store.rows(of: cell).count == 20)
            }
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == ["lachesis.sqlite", "lock"])
        }
    }

    @Test func theFolderIsMadeForItsOwnerAlone() async throws {
        try await withFolder { folder in
            try await withStore(in: folder + "/a/b") { _ in }
            let attributes = try FileManager.default.attributesOfItem(atPath: folder + "/a/b")
            #expect(attributes[.posixPermissions] as? Int == 0o700)
        }
    }

    // MARK: What cannot be opened

    @Test func aFolderInUseIsLockedUntilItsStoreIsClosed() async throws {
        try await withFolder { folder in
            try await withStore(in: folder) { store in
                try await store.store(["n": 1], to: cell)
                await expect(.locked) { try Store.open(folder: folder, limits: Limits()) }
                await expect(.locked) { try Store.open(folder: folder + "/", limits: Limits()) }
                try await store.store(["n": 2], to: cell)
            }
            let rows = try await withStore(in: folder) { try await $0.rows(of: cell) }
            #expect(rows == [[1], [2]])
        }
    }

    @Test(arguments: [20, 100, 4_096, 50_000]) func aFileThatIsNoDatabaseIsCorrupt(_ size: Int) async throws {
        try await withFolder { folder in
            let path = folder + "/lachesis.sqlite"
            let content = Data(repeating: 0x41, count: size)
            #expect(FileManager.default.createFile(atPath: path, contents: content))
            await expect(.corrupt) { try Store.open(folder: folder, limits: Limits()) }
            #expect(FileManager.default.contents(atPath: path) == content)
            // The failed attempt holds neither file nor lock.
            try FileManager.default.removeItem(atPath: path)
            try await withStore(in: folder) { try await $0.store(["n": 1], to: cell) }
        }
    }

    @Test(arguments: [
        "DROP TABLE \"Zelle 7\"", "DROP TABLE \"Zelle 7_estimates\"", "UPDATE lachesis_columns SET type = 'BLOB'",
        "UPDATE lachesis_batteries SET name = 'a/b'", "UPDATE lachesis_estimators SET description = '{}'",
        "UPDATE lachesis_progress SET mean = x'00'", "DELETE FROM lachesis_batteries",
    ])
    func aDatabaseThatContradictsItselfIsCorrupt(_ damage: String) async throws {
        try await withFolder { folder in
            try await withStore(in: folder) { store in
                try await store.store(["n": 1], to: cell)
                _ = try await store.register(cell)
            }
            try withDatabase(in: folder) { try $0.execute(sql: damage) }
            await expect(.corrupt) { try Store.open(folder: folder, limits: Limits()) }
        }
    }

    @Test func aNewerServersDatabaseIsLeftAlone() async throws {
        try await withFolder { folder in
            try await withStore(in: folder) { try await $0.store(["n": 1], to: cell) }
            try withDatabase(in: folder) {
                try $0.execute(sql: "INSERT INTO grdb_migrations VALUES ('from the future')")
            }
            await expect(.newerDatabase) { try Store.open(folder: folder, limits: Limits()) }
            try withDatabase(in: folder) {
                try $0.execute(sql: "DELETE FROM grdb_migrations WHERE identifier = 'from the future'")
            }
            let rows = try await withStore(in: folder) { try await $0.rows(of: cell) }
            #expect(rows == [[1]])
        }
    }

    @Test func aFolderThatIsAFileCannotBeUsed() async throws {
        try await withFolder { folder in
            #expect(FileManager.default.createFile(atPath: folder + "/file", contents: nil))
            await expect(.io) { try Store.open(folder: folder + "/file", limits: Limits()) }
            await expect(.io) { try Store.open(folder: folder + "/file/deeper", limits: Limits()) }
            try FileManager.default.createDirectory(
                atPath: folder + "/lachesis.sqlite", withIntermediateDirectories: false)
            await expect(.io) { try Store.open(folder: folder, limits: Limits()) }
        }
    }
}
