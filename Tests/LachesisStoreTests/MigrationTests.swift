import Foundation
import GRDB
import LachesisModel
import Testing

@testable import LachesisStore

/// A database as the first version of the server left it.
@Suite struct MigrationTests {
    private let cell = try! BatteryName("cell")
    private let plain = try! BatteryName("plain")

    /// A battery 5 with everything, and a battery 9 without `test_time`, of which the first server makes neither column nor index.
    private func makeFirstVersion(in folder: String) throws {
        func blob(_ values: [Double]) -> Data { values.withUnsafeBytes { Data($0) } }
        try withDatabase(in: folder) { database in try database.execute(sql: "PRAGMA journal_mode = WAL") }
        let queue = try DatabaseQueue(path: folder + "/lachesis.sqlite")
        defer { try? queue.close() }
        try Migrations.all.migrate(queue, upTo: "1: batteries, records, estimators")
        let description = String(decoding: try JSONEncoder().encode(EstimatorDescription.example), as: UTF8.self)
        try queue.write { database in
            try database.execute(
                sql: """
                    UPDATE lachesis_settings SET value = 7 WHERE name = 'sessions';
                    INSERT INTO lachesis_batteries VALUES (5, 'cell', 3, 3), (9, 'plain', 2, 2);
                    INSERT INTO lachesis_columns VALUES
                        (5, 0, 'test_time', 'FLOAT', 0), (5, 1, 'n', 'INTEGER', 0), (9, 0, 'n', 'INTEGER', 0);
                    CREATE TABLE "cell" (lachesis_sequence INTEGER PRIMARY KEY, "test_time", "n", received);
                    CREATE INDEX lachesis_5_test_time ON "cell" ("test_time");
                    INSERT INTO "cell" VALUES (1, 10.0, 1, 1000.0), (2, 20.0, 2, 1001.0), (3, 30.0, 3, 1002.0);
                    CREATE TABLE "plain" (lachesis_sequence INTEGER PRIMARY KEY, "n", received);
                    INSERT INTO "plain" VALUES (1, 1, 1000.0), (2, 2, 1001.0);
                    INSERT INTO lachesis_metadata VALUES (5, '{}');
                    INSERT INTO lachesis_streams VALUES (5, CAST(x'73' AS TEXT), 2);
                    INSERT INTO lachesis_files VALUES (5, 0, 'f', x'0102');
                    CREATE TABLE "cell_estimates" (lachesis_sequence INTEGER PRIMARY KEY, "test_time", "soc", "theta__r00",
                        "soc_std", "theta__r00_std", "voltage", "voltage_std");
                    INSERT INTO "cell_estimates" VALUES (2, 20.0, 0.5, 1.0, 0.1, 0.1, 3.7, 0.1);
                    """)
            try database.execute(
                sql: "INSERT INTO lachesis_estimators VALUES (5, 4, 'kalman', 'code', 1.5, 0, ?)",
                arguments: [description])
            let snapshot = Snapshot.after(2)
            try database.execute(
                sql: """
                    INSERT INTO lachesis_progress VALUES (5, 11, 2, 2.0, ?, ?, ?, ?, 2, 0, 0, 0, 0, 0, NULL)
                    """,
                arguments: [
                    blob(snapshot.mean), blob(snapshot.covariance), blob(snapshot.outputMean),
                    blob(snapshot.outputVariance),
                ])
        }
    }

    @Test func aDatabaseOfTheFirstVersionKeepsEverything() async throws {
        try await withFolder { folder in
            try makeFirstVersion(in: folder)
            for _ in 1...2 {
                try await withStore(in: folder) { store in
                    #expect(store.stats().map(\.name) == [cell, plain])
                    let rows = try await store.rows(of: cell)
                    #expect(rows == [[10.0, 1], [20.0, 2], [30.0, 3]])
                    #expect(try await store.rows(of: plain) == [[1], [2]])
                    #expect(try await store.metadata(of: cell) == "{}")
                    #expect(try await store.streamTotal("s", of: cell) == 2)
                    #expect(
                        try await store.registration(of: cell)
                            == Registration(
                                battery: cell, plugin: "kalman", definition: "code",
                                files: [ScriptFile(name: "f", content: [1, 2])], validTime: 1.5, seedsInputs: false))
                    #expect(try await store.registration(of: cell).acceleration == .full)
                    #expect(
                        store.estimators() == [
                            RegisteredEstimator(
                                battery: cell, version: 4, plugin: "kalman", description: .example, cursor: 2,
                                snapshot: .after(2))
                        ])
                }
                #expect(try Store.check(folder: folder).problems == [])
            }
            let session = try await withStore(in: folder) { try await $0.beginSession() }
            #expect(session == 8)
        }
    }

    @Test func aDatabaseOfTheFirstVersionDoesWhatTheSecondCan() async throws {
        try await withFolder { folder in
            try makeFirstVersion(in: folder)
            try await withStore(in: folder) { store in
                try await store.store(["test_time": 5.0, "n": 3], to: plain)
                #expect(try await store.rows(of: plain) == [[1, nil], [2, nil], [3, 5.0]])
                #expect(try await store.rows(of: plain, start: 0) == [[3, 5.0]])
                var estimator = try #require(store.estimator(of: cell))
                var result = EstimateCommit.rows([3], of: estimator, epoch: 11, cursor: 3)
                result.checkpoint = .at(3)
                #expect(try await store.commit(result))
                #expect(try await store.checkpoint(of: cell, version: 4)?.content == .at(3))
                estimator = try await store.register(cell, epoch: 12, start: .now)
                #expect(estimator.version == 5 && estimator.origin == 3)
                #expect(try await store.delete(cell) == 3)
                try await store.store(["other": "x"], to: cell)
                #expect(try await store.rows(of: cell) == [["x"]])
            }
            let (ids, indexes) = try withDatabase(in: folder) { database in
                (
                    try Int64.fetchAll(database, sql: "SELECT battery FROM lachesis_batteries ORDER BY 1"),
                    try String.fetchSet(
                        database, sql: "SELECT name FROM sqlite_master WHERE name LIKE '%_test_time'")
                )
            }
            #expect(ids == [9, 10])
            #expect(indexes.isSuperset(of: ["lachesis_9_test_time", "lachesis_10_test_time"]))
            #expect(try Store.check(folder: folder).problems == [])
        }
    }

    @Test func anOlderDatabaseIsNotCheckedBeforeAServerBroughtItUp() async throws {
        try await withFolder { folder in
            try makeFirstVersion(in: folder)
            await expect(.other) { try Store.check(folder: folder) }
            let backup = try Store.backup(folder: folder, to: folder + "/copy")
            #expect(backup.batteries == 2 && backup.records == 5)
        }
    }
}
