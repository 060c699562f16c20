import GRDB
import LachesisModel
import LachesisStore
import Testing

/// The column `test_time` and its index, which are there before any record has the key.
@Suite struct LateTimeTests {
    private let cell = try! BatteryName("cell")

    private func physical(_ folder: String) throws -> (columns: [String], indexes: Int) {
        try withDatabase(in: folder) { database in
            (
                try database.columns(in: "cell").map(\.name),
                try Int.fetchOne(
                    database, sql: "SELECT count(*) FROM sqlite_master WHERE type = 'index' AND tbl_name = 'cell'") ?? 0
            )
        }
    }

    @Test func aTableWithoutTimesIsReadyForThemAndDoesNotShowIt() async throws {
        try await withFolder { folder in
            try await withStore(in: folder) { store in
                try await store.store(["n": 1], to: cell)
                #expect(try physical(folder).columns == ["lachesis_sequence", "n", "test_time", "received"])
                #expect(try physical(folder).indexes == 1)
                #expect(try store.columns(of: cell) == ["n INTEGER"])
                #expect(try store.data(of: cell).columns.map(\.name) == ["n", "received"])
                #expect(try await store.rows(of: cell) == [[1]])
                let matrix = try await store.records(of: cell, after: 0, columns: ["test_time", "n"], limit: 9)
                #expect(matrix.values.first?.isNaN == true && matrix.values.last == 1)
            }
            try await withStore(in: folder) { store in
                #expect(try store.columns(of: cell) == ["n INTEGER"])
                try await store.store(["test_time": 2.0], ["n": 2, "test_time": 1], to: cell)
                #expect(try store.columns(of: cell) == ["n INTEGER", "test_time FLOAT"])
                #expect(try await store.rows(of: cell) == [[1, nil], [2, 1.0], [nil, 2.0]])
                #expect(try await store.rows(of: cell, start: 1.5) == [[nil, 2.0]])
            }
            #expect(try physical(folder).columns == ["lachesis_sequence", "n", "test_time", "received"])
            #expect(try physical(folder).indexes == 1)
            #expect(try Store.check(folder: folder).problems == [])
        }
    }

    @Test func aLateTimeMayCountAgainstTheColumnLimitOnlyOnce() async throws {
        var limits = Limits()
        limits.columns = 2
        try await withStore(limits: limits) { store in
            try await store.store(["a": 1, "b": 2], to: cell)
            let outcome = try await store.append(batch(["test_time": 1.0]), to: cell, stream: nil)
            #expect(outcome.stored == 0 && outcome.refusal?.key == "test_time")
            #expect(try store.columns(of: cell) == ["a INTEGER", "b INTEGER"])
        }
    }

    @Test(arguments: [true, false]) func aKeyThatSQLiteTakesForTestTimeIsAColumnLikeOthers(_ isFirst: Bool) async throws
    {
        try await withFolder { folder in
            try await withStore(in: folder) { store in
                if !isFirst { try await store.store(["n": 0], to: cell) }
                try await store.store(["Test_Time": "noon", "n": 1], to: cell)
                let outcome = try await store.append(batch(["test_time": 1.0]), to: cell, stream: nil)
                #expect(outcome.stored == 0 && outcome.refusal?.key == "test_time")
            }
            try await withStore(in: folder) { store in
                try await store.store(["Test_Time": "midnight"], to: cell)
                let names = try store.data(of: cell).columns.map(\.name)
                #expect(Set(names) == ["Test_Time", "n", "received"])
                let place = try #require(names.firstIndex(of: "Test_Time"))
                #expect(try await store.rows(of: cell).suffix(2).map { $0[place] } == ["noon", "midnight"])
                #expect(try await store.rows(of: cell, start: 0) == [])
            }
            #expect(try Store.check(folder: folder).problems == [])
        }
    }
}
