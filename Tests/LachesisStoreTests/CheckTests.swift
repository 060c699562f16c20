import Foundation
import GRDB
import LachesisModel
import LachesisStore
import Testing

@Suite struct CheckTests {
    private let cell = try! BatteryName("cell")

    /// A battery with one of everything, its estimator fed from record 1 on, and a battery without records.
    private func fill(_ folder: String) async throws {
        try await withStore(in: folder) { store in
            try await store.store(["test_time": 0.0, "n": 0], to: cell)
            _ = try await store.append(
                batch(["test_time": 1.0, "n": 1], ["test_time": 2.0, "n": 2]), to: cell, stream: "s")
            let estimator = try await store.register(
                Registration(
                    battery: cell, plugin: "p", definition: "d", files: [ScriptFile(name: "f", content: [1])]),
                description: .example, snapshot: .initial, epoch: 1)
            var result = EstimateCommit.rows([1, 2], of: estimator, epoch: 1, cursor: 2)
            result.checkpoint = .at(2)
            #expect(try await store.commit(result))
            try await store.registerMetadata("{}", for: try BatteryName("empty"))
        }
        // Only long tables have any.
        try withDatabase(in: folder) { database in
            try database.execute(
                sql: "INSERT INTO lachesis_summaries SELECT battery, 0, -1, 0, x'00' FROM lachesis_batteries")
        }
    }

    @Test func aSoundDatabaseIsCountedAndNothingIsFound() async throws {
        try await withFolder { folder in
            try await fill(folder)
            let before = FileManager.default.contents(atPath: folder + "/lachesis.sqlite")
            let report = try Store.check(folder: folder)
            #expect(report.batteries == 2 && report.records == 3 && report.estimates == 2 && report.checkpoints == 1)
            #expect(report.problems == [])
            #expect(FileManager.default.contents(atPath: folder + "/lachesis.sqlite") == before)
            let rows = try await withStore(in: folder) { try await $0.rows(of: cell) }
            #expect(rows.count == 3)
        }
    }

    @Test(arguments: [
        ("DELETE FROM cell WHERE lachesis_sequence = 2", "the battery 'cell' counts 3 records, its table 2"),
        ("UPDATE lachesis_batteries SET records = 9", "the battery 'empty' counts 9 records, but has no table"),
        (
            "UPDATE lachesis_batteries SET last_sequence = 4 WHERE name = 'cell'",
            "the last record of 'cell' should be 4, and is 3"
        ),
        ("DROP TABLE cell", "the battery 'cell' counts 3 records, but has no table"),
        ("ALTER TABLE cell DROP COLUMN n", "the table of 'cell' lacks its column 'n'"),
        ("ALTER TABLE cell RENAME COLUMN received TO x", "the table of 'cell' lacks its column 'received'"),
        ("UPDATE lachesis_streams SET stored = 4", "the streams of 'cell' count 4 records, the battery 3"),
        (
            "UPDATE lachesis_progress SET cursor = 4",
            "the estimator of 'cell' began at 0 and is at 4 of 3"
        ),
        (
            "UPDATE lachesis_estimators SET origin = 3",
            "the estimator of 'cell' began at 3 and is at 2 of 3"
        ),
        ("DELETE FROM lachesis_progress", "the estimator of 'cell' has no progress"),
        ("DROP TABLE cell_estimates", "the estimator of 'cell' has no table"),
        ("ALTER TABLE cell_estimates DROP COLUMN soc_std", "the columns of 'cell_estimates' are not its estimator's"),
        (
            "INSERT INTO cell_estimates (lachesis_sequence) VALUES (7)",
            "the table 'cell_estimates' has an estimate of record 7, the estimator is at"
        ),
        ("UPDATE lachesis_checkpoints SET state = x'00'", "the checkpoint 1 of 'cell' is not as it was written"),
        ("UPDATE lachesis_estimators SET version = 2", "the checkpoint 1 of 'cell' is another version's"),
        (
            "DELETE FROM cell WHERE lachesis_sequence > 1; UPDATE lachesis_batteries SET records = 1, last_sequence = 1",
            "the estimator of 'cell' began at 0 and is at"
        ),
        (
            "UPDATE lachesis_progress SET mean = x'00'",
            "the estimator of 'cell' cannot be read: an estimator's snapshot has 1 bytes of doubles in 'mean'"
        ),
        ("UPDATE lachesis_estimators SET description = '{}'", "the estimator of 'cell' cannot be read"),
        ("UPDATE lachesis_batteries SET records = 'x'", "the list of batteries cannot be read"),
        ("UPDATE lachesis_batteries SET name = 'a/b' WHERE name = 'empty'", "a battery is named 'a/b'"),
        ("DELETE FROM lachesis_estimators", "the table 'lachesis_checkpoints' has 1 rows that belong to no estimator"),
        ("DELETE FROM lachesis_estimators", "the table 'lachesis_files' has 1 rows that belong to no estimator"),
        ("DELETE FROM lachesis_estimators", "the battery 'cell' has a table of estimates, but no estimator"),
        (
            "UPDATE lachesis_settings SET value = 1 WHERE name = 'batteries'",
            "the count of batteries is lost or behind"
        ),
        ("DELETE FROM lachesis_settings WHERE name = 'doomed'", "the count of doomed is lost or behind"),
        ("DROP TABLE lachesis_streams", "the records of 'cell' cannot be read"),
    ])
    func whatContradictsItselfIsNamed(_ damage: String, _ problem: String) async throws {
        try await withFolder { folder in
            try await fill(folder)
            try withDatabase(in: folder) { try $0.execute(sql: damage) }
            let problems = try Store.check(folder: folder).problems
            #expect(problems.contains { $0.hasPrefix(problem) }, "\(problems)")
        }
    }

    @Test(arguments: ["columns", "metadata", "streams", "estimators", "files", "progress", "checkpoints", "summaries"])
    func rowsOfNoBatteryAreNamed(_ table: String) async throws {
        try await withFolder { folder in
            try await fill(folder)
            try withDatabase(in: folder) { try $0.execute(sql: "UPDATE lachesis_\(table) SET battery = battery + 40") }
            let problems = try Store.check(folder: folder).problems
            #expect(
                problems.contains {
                    $0.hasPrefix("the table 'lachesis_\(table)' has ")
                        && $0.hasSuffix(" rows that belong to no battery")
                }, "\(problems)")
        }
    }

    @Test func aDamagedPageIsNamed() async throws {
        try await withFolder { folder in
            let text = String(repeating: "x", count: 400)
            try await fill(folder)
            let records: [Record] = (0..<500).map { _ in [("note", .text(text))] }
            let outcome = try await withStore(in: folder) { store in
                try await store.append(batch(records), to: cell, stream: nil)
            }
            #expect(outcome.stored == 500)
            let (page, size) = try withDatabase(in: folder) { database in
                (
                    try Int.fetchOne(database, sql: "SELECT rootpage FROM sqlite_master WHERE name = 'cell'") ?? 0,
                    try Int.fetchOne(database, sql: "PRAGMA page_size") ?? 0
                )
            }
            let file = try FileHandle(forWritingTo: URL(filePath: folder + "/lachesis.sqlite"))
            try file.seek(toOffset: UInt64((page - 1) * size))
            try file.write(contentsOf: Data(repeating: 0xA5, count: size))
            try file.close()
            let report = try Store.check(folder: folder)
            #expect(report.problems.contains { $0.hasPrefix("SQLite finds the file damaged: ") }, "\(report.problems)")
            #expect(report.problems.contains { $0.hasPrefix("the records of 'cell' cannot be read: ") })
            // What is not damaged is checked nevertheless.
            #expect(report.batteries == 2 && report.estimates == 2)
        }
    }

    @Test func aServedDatabaseIsCheckedAsItIsAtOneMoment() async throws {
        try await withFolder { folder in
            try await withStore(in: folder) { store in
                try await store.store(["n": 0], to: cell)
                let (endings, ended) = AsyncStream.makeStream(of: Void.self)
                try await withThrowingTaskGroup { group in
                    group.addTask { [cell] in
                        let other = try BatteryName("other")
                        for number in 1..<300 as Range<Int64> {
                            _ = try await store.append(batch(["n": .integer(number)]), to: cell, stream: "s")
                            try await store.store(["n": 1], to: other)
                            let estimator = try await store.register(other, epoch: UInt64(number))
                            var result = EstimateCommit.rows([1], of: estimator, epoch: UInt64(number), cursor: 1)
                            result.checkpoint = .at(1)
                            #expect(try await store.commit(result))
                            #expect(try await store.delete(other) == 1)
                        }
                        ended.finish()
                    }
                    for _ in 1...10 { #expect(try Store.check(folder: folder).problems == []) }
                    for await _ in endings {}
                    try await group.waitForAll()
                }
                #expect(try Store.check(folder: folder).records == 300)
            }
        }
    }

    @Test func whatIsNoDatabaseIsNotChecked() async throws {
        try await withFolder { folder in
            await expect(.io) { try Store.check(folder: folder) }
            let rubbish = Data(repeating: 0x41, count: 50_000)
            #expect(FileManager.default.createFile(atPath: folder + "/lachesis.sqlite", contents: rubbish))
            await expect(.corrupt) { try Store.check(folder: folder) }
        }
    }
}
