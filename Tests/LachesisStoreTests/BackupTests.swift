import Foundation
import GRDB
import LachesisModel
import LachesisStore
import Testing

@Suite struct BackupTests {
    private let cell = try! BatteryName("cell")

    private func files(_ folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    }

    /// A folder in which a server can start from the copy.
    private func restore(_ copy: String, in folder: String) throws -> String {
        let restored = folder + "/restored"
        try? FileManager.default.removeItem(atPath: restored)
        try FileManager.default.createDirectory(atPath: restored, withIntermediateDirectories: true)
        try FileManager.default.copyItem(atPath: copy, toPath: restored + "/lachesis.sqlite")
        return restored
    }

    @Test(arguments: [true, false]) func aCopyIsOneFileFromWhichAServerGoesOn(_ isServed: Bool) async throws {
        try await withFolder { folder in
            let (live, out) = (folder + "/live", folder + "/out")
            try FileManager.default.createDirectory(atPath: out, withIntermediateDirectories: true)
            let store = try Store.open(folder: live, limits: Limits())
            _ = try await store.append(batch(["test_time": 1.0], ["test_time": 2.0, "n": 7]), to: cell, stream: "s")
            try await store.registerMetadata("{}", for: try BatteryName("other"))
            let estimator = try await store.register(cell)
            var result = EstimateCommit.rows([1, 2], of: estimator, epoch: 1, cursor: 2)
            result.checkpoint = .at(2)
            #expect(try await store.commit(result))
            if !isServed { await store.close() }
            let backup = try Store.backup(folder: live, to: out + "/copy")
            #expect(try files(out) == ["copy"])
            let attributes = try FileManager.default.attributesOfItem(atPath: out + "/copy")
            #expect(
                backup.batteries == 2 && backup.records == 2
                    && backup.bytes == (attributes[.size] as? Int).map(Int64.init))
            #expect(attributes[.posixPermissions] as? Int == 0o600)
            if isServed {
                try await store.store(["n": 8], to: cell)
                await store.close()
            }
            let restored = try restore(out + "/copy", in: folder)
            #expect(try Store.check(folder: restored).problems == [])
            try await withStore(in: restored) { copy in
                #expect(try await copy.rows(of: cell) == [[1.0, nil], [2.0, 7]])
                #expect(try await copy.streamTotal("s", of: cell) == 2)
                #expect(copy.estimator(of: cell)?.cursor == 2)
                #expect(try await copy.checkpoint(of: cell, version: 1)?.content == .at(2))
                try await copy.store(["n": 9], to: cell)
            }
            let rows = try await withStore(in: live) { try await $0.rows(of: cell) }
            #expect(rows.count == (isServed ? 3 : 2))
        }
    }

    @Test func copiesMadeWhileOthersWriteAreEachOfOneMoment() async throws {
        try await withFolder { folder in
            let store = try Store.open(folder: folder + "/live", limits: Limits())
            _ = try await store.append(batch(["n": 0], ["n": 0], ["n": 0]), to: cell, stream: "s")
            let (endings, ended) = AsyncStream.makeStream(of: Void.self)
            try await withThrowingTaskGroup { group in
                group.addTask { [cell] in
                    var iterator = endings.makeAsyncIterator()
                    async let end: Void? = iterator.next()
                    for number in 1..<2_000 as Range<Int64> {
                        let three = batch((0..<3).map { _ in [("n", .integer(number))] })
                        _ = try await store.append(three, to: cell, stream: "s")
                    }
                    await end
                }
                var seen: Int64 = 0
                for number in 1...5 {
                    let copy = folder + "/copy\(number)"
                    let backup = try Store.backup(folder: folder + "/live", to: copy)
                    #expect(backup.records >= seen && backup.records % 3 == 0)
                    seen = backup.records
                    let restored = try restore(copy, in: folder)
                    #expect(try Store.check(folder: restored).problems == [])
                    try await withStore(in: restored) { copy in
                        let numbers = try await copy.integers("n", of: cell)
                        #expect(numbers == (0..<seen / 3).flatMap { [$0, $0, $0] })
                        #expect(try await copy.streamTotal("s", of: cell) == seen)
                    }
                }
                ended.yield()
                try await group.waitForAll()
            }
            await store.close()
        }
    }

    @Test func aFileThatIsThereIsNotReplaced() async throws {
        try await withFolder { folder in
            try await withStore(in: folder) { try await $0.store(["n": 1], to: cell) }
            for file in ["/old", "/link"] {
                if file == "/old" {
                    #expect(FileManager.default.createFile(atPath: folder + file, contents: Data("precious".utf8)))
                } else {
                    try FileManager.default.createSymbolicLink(
                        atPath: folder + file, withDestinationPath: "/nowhere/at/all")
                }
                await expect(.io) { try Store.backup(folder: folder, to: folder + file) }
                #expect(!FileManager.default.fileExists(atPath: folder + file + ".partial"))
            }
            #expect(FileManager.default.contents(atPath: folder + "/old") == Data("precious".utf8))
        }
    }

    @Test func whatAKilledBackupLeftIsNoHindrance() async throws {
        try await withFolder { folder in
            try await withStore(in: folder) { try await $0.store(["n": 1], to: cell) }
            let rubbish = Data(repeating: 0x41, count: 100_000)
            for suffix in ["", "-journal", "-wal"] {
                #expect(FileManager.default.createFile(atPath: folder + "/copy.partial" + suffix, contents: rubbish))
            }
            #expect(try Store.backup(folder: folder, to: folder + "/copy").records == 1)
            #expect(try files(folder).filter { $0.hasPrefix("copy") } == ["copy"])
        }
    }

    @Test func aBackupThatFailsLeavesNoFile() async throws {
        try await withFolder { folder in
            await expect(.io) { try Store.backup(folder: folder, to: folder + "/copy") }
            await expect(.io) { try Store.backup(folder: folder + "/nowhere", to: folder + "/copy") }
            #expect(try files(folder) == [])
            try await withStore(in: folder + "/live") { try await $0.store(["n": 1], to: cell) }
            await expect(.io) { try Store.backup(folder: folder + "/live", to: folder + "/nowhere/copy") }
            try FileManager.default.createDirectory(atPath: folder + "/rubbish", withIntermediateDirectories: true)
            let rubbish = Data(repeating: 0x41, count: 100_000)
            #expect(FileManager.default.createFile(atPath: folder + "/rubbish/lachesis.sqlite", contents: rubbish))
            await expect(.corrupt) { try Store.backup(folder: folder + "/rubbish", to: folder + "/copy") }
            try FileManager.default.createDirectory(atPath: folder + "/foreign", withIntermediateDirectories: true)
            try withDatabase(in: folder + "/foreign") { try $0.execute(sql: "CREATE TABLE t (x)") }
            await expect(.other) { try Store.backup(folder: folder + "/foreign", to: folder + "/copy") }
            #expect(try files(folder) == ["foreign", "live", "rubbish"])
        }
    }
}
