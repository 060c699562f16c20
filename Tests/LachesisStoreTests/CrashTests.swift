import Foundation
import GRDB
import LachesisModel
import LachesisStore
import Testing

/// What is left when the server, or the machine, stops at once: the files as they lie at that moment.
@Suite struct CrashTests {
    private let cell = try! BatteryName("cell")

    private func numbered(_ numbers: Range<Int64>, task: Int64 = 0) -> RecordBatch {
        batch(numbers.map { [("test_time", .real(Double($0))), ("n", .integer($0)), ("task", .integer(task))] })
    }

    /// Copies the database, then its log, which only grows in these tests, so that it is never older than the file.
    private func copy(_ folder: String, to other: String) throws {
        try FileManager.default.createDirectory(atPath: other, withIntermediateDirectories: true)
        for file in ["/lachesis.sqlite", "/lachesis.sqlite-wal"] {
            try FileManager.default.copyItem(atPath: folder + file, toPath: other + file)
        }
    }

    private func expectIntegrity(_ folder: String, _ location: SourceLocation = #_sourceLocation) throws {
        let answer = try withDatabase(in: folder) { try String.fetchAll($0, sql: "PRAGMA integrity_check") }
        #expect(answer == ["ok"], sourceLocation: location)
    }

    @Test func whatWasAcknowledgedIsThereAfterACrash() async throws {
        try await withFolder { folder in
            try await withStore(in: folder + "/live") { store in
                for number in 0..<50 as Range<Int64> {
                    _ = try await store.append(numbered(number * 2..<number * 2 + 2), to: cell, stream: "s")
                }
                try await store.registerMetadata("{}", for: cell)
                let estimator = try await store.register(cell, epoch: 4)
                #expect(try await store.commit(.rows([1, 2, 3], of: estimator, epoch: 4, cursor: 3)))
                try copy(folder + "/live", to: folder + "/copy")
                try await withStore(in: folder + "/copy") { copy in
                    let numbers = try await copy.integers("n", of: cell)
                    #expect(numbers == Array(0..<100))
                    #expect(copy.stats() == store.stats())
                    #expect(copy.estimators() == store.estimators())
                    #expect(try await copy.streamTotal("s", of: cell) == 100)
                    #expect(try await copy.metadata(of: cell) == "{}")
                }
                try expectIntegrity(folder + "/copy")
            }
        }
    }

    @Test func whatWasAcknowledgedIsThereThoughOthersAreWriting() async throws {
        try await withFolder { folder in
            let store = try Store.open(folder: folder + "/live", limits: Limits())
            let (acknowledgements, acknowledged) = AsyncStream.makeStream(of: Int64.self)
            try await withThrowingTaskGroup { group in
                // Few enough that SQLite does not move the log into the file meanwhile, which it does at 4,000 pages.
                for task in 0..<4 as Range<Int64> {
                    group.addTask { [cell] in
                        for number in 0..<60 as Range<Int64> {
                            _ = try await store.append(
                                numbered(number * 3..<number * 3 + 3, task: task), to: cell, stream: nil)
                            acknowledged.yield(task)
                        }
                    }
                }
                var counts: [Int64: Int64] = [:]
                var (seen, copies) = (0, 0)
                for await task in acknowledgements {
                    counts[task, default: 0] += 3
                    seen += 1
                    if seen == 240 { break }
                    guard seen % 40 == 0 else { continue }
                    copies += 1
                    let other = folder + "/copy\(copies)"
                    try copy(folder + "/live", to: other)
                    let rows = try await withStore(in: other) { copy in
                        let rows = try await copy.rows(of: cell)
                        #expect(copy.stats(of: cell)?.rows == Int64(rows.count))
                        return rows
                    }
                    for (task, count) in counts {
                        let numbers = rows.filter { $0[2] == .integer(task) }.map { $0[1] }
                        #expect(numbers.count >= count && numbers.count % 3 == 0)
                        #expect(numbers == (0..<Int64(numbers.count)).map { .integer($0) })
                    }
                    try expectIntegrity(other)
                }
                #expect(copies == 5)
                try await group.waitForAll()
            }
            await store.close()
        }
    }

    /// A cut or overwritten end of the log is what a power cut leaves of a transaction that nobody was told of.
    @Test(arguments: [1, 8, 500, 4_000], [true, false])
    func aTornTransactionIsAbsentAsAWhole(_ bytes: UInt64, isCut: Bool) async throws {
        try await withFolder { folder in
            let other = folder + "/copy"
            try await withStore(in: folder + "/live") { store in
                _ = try await store.append(numbered(0..<300), to: cell, stream: "s")
                _ = try await store.append(numbered(300..<600), to: cell, stream: "s")
                try copy(folder + "/live", to: other)
            }
            let log = try FileHandle(forWritingTo: URL(filePath: other + "/lachesis.sqlite-wal"))
            let end = try log.seekToEnd()
            if isCut {
                try log.truncate(atOffset: end - bytes)
            } else {
                try log.seek(toOffset: end - bytes)
                try log.write(contentsOf: Data(repeating: 0xA5, count: Int(bytes)))
            }
            try log.close()
            try await withStore(in: other) { copy in
                let numbers = try await copy.integers("n", of: cell)
                #expect(numbers == Array(0..<300))
                #expect(try await copy.streamTotal("s", of: cell) == 300)
                #expect(copy.stats(of: cell)?.rows == 300)
                _ = try await copy.append(numbered(300..<600), to: cell, stream: "s")
                #expect(try await copy.integers("n", of: cell) == Array(0..<600))
            }
            try expectIntegrity(other)
        }
    }

    @Test func aLogThatOutgrewItsBoundIsMovedIntoTheFileAndNothingIsLost() async throws {
        try await withFolder { folder in
            let text = String(repeating: "x", count: 60_000)
            try await withStore(in: folder) { store in
                // About 22 MB, so that the log of 16 MB begins anew.
                for number in 0..<60 as Range<Int64> {
                    let records: [Record] = (0..<6).map { [("n", .integer(number * 6 + $0)), ("note", .text(text))] }
                    #expect(try await store.append(batch(records), to: cell, stream: nil).stored == 6)
                }
                let log = try FileManager.default.attributesOfItem(atPath: folder + "/lachesis.sqlite-wal")
                #expect(try #require(log[.size] as? Int) < 20 << 20)
                #expect(try await store.integers("n", of: cell) == Array(0..<360))
            }
            let numbers = try await withStore(in: folder) { try await $0.integers("n", of: cell) }
            #expect(numbers == Array(0..<360))
            try expectIntegrity(folder)
        }
    }
}
