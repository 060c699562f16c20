import LachesisModel
import LachesisStore
import Testing

@Suite struct RecordTests {
    private let cell = try! BatteryName("cell")

    @Test func recordsAreReadBackInTheirOrder() async throws {
        try await withStore { store in
            let outcome = try await store.append(
                batch(
                    ["test_time": 0.0, "voltage": 3.7, "label": "a", "count": 7],
                    ["test_time": 1.0, "voltage": 3.8, "label": "b", "count": 8]),
                to: cell, stream: nil)
            #expect(outcome == AppendOutcome(stored: 2))
            try await store.store(["test_time": 2.5, "voltage": 3.9, "label": "c", "count": 9], to: cell)
            let rows = try await store.rows(of: cell)
            #expect(rows == [[0.0, 3.7, "a", 7], [1.0, 3.8, "b", 8], [2.5, 3.9, "c", 9]])
            #expect(
                try store.columns(of: cell) == ["test_time FLOAT", "voltage FLOAT", "label VARCHAR", "count INTEGER"])
            #expect(store.stats(of: cell)?.rows == 3)
        }
    }

    @Test func theTimeOfReceptionIsTheLastColumn() async throws {
        try await withStore { store in
            try await store.store(["test_time": 5.0], ["test_time": 6.0], to: cell)
            let reader = try store.data(of: cell)
            #expect(reader.columns.map(\.name) == ["test_time", "received"])
            for try await page in reader { #expect(page.map(Array.init) == [[5.0, 1000.0], [6.0, 1001.0]]) }
        }
    }

    @Test func aClientsOwnTimeOfReceptionIsIgnored() async throws {
        try await withStore { store in
            try await store.store(["received": "yesterday", "voltage": 3.7], to: cell)
            #expect(try store.columns(of: cell) == ["voltage FLOAT"])
            for try await page in try store.data(of: cell) { #expect(page.map(Array.init) == [[3.7, 1000.0]]) }
        }
    }

    @Test func recordsMayHaveNoKeysAtAll() async throws {
        try await withStore { store in
            try await store.store([:], [:], to: cell)
            #expect(store.stats(of: cell)?.rows == 2)
            #expect(try await store.rows(of: cell) == [[], []])
            try await store.store(["voltage": 3.7], to: cell)
            #expect(try await store.rows(of: cell) == [[nil], [nil], [3.7]])
        }
    }

    @Test func anEmptyBatchMakesNoBattery() async throws {
        try await withStore { store in
            let outcome = try await store.append(RecordBatch(), to: cell, stream: nil)
            #expect(outcome == AppendOutcome(stored: 0))
            #expect(store.stats(of: cell) == nil)
            await expect(.unknownBattery) { try store.data(of: cell) }
        }
    }

    @Test(arguments: [
        "select", "\"", "a\"b\"\"c", "'; DROP TABLE cell; --", "with space", " ", "tab\tand\nline", "rowid", "oid",
        "_rowid_",
        "Spannung / µV", "温度", "🔋", "?1", ":name", "[0]", "a.b", "NULL", "sqlite_master", "e\u{301}", "%s\\",
        "cell", "test_time.2",
    ])
    func columnsMayHaveOddNames(_ key: String) async throws {
        try await withFolder { folder in
            try await withStore(in: folder) { store in
                try await store.store([key: 1], [key: 2], to: cell)
                try await store.store(["plain": 0.5], ["plain": 1.5, key: 3], to: cell)
                #expect(try await store.rows(of: cell) == [[1, nil], [2, nil], [nil, 0.5], [3, 1.5]])
            }
            try await withStore(in: folder) { store in
                try await store.store([key + "'": "new"], to: cell)
                #expect(try store.columns(of: cell) == ["\(key) INTEGER", "plain FLOAT", "\(key)' VARCHAR"])
                #expect(try await store.rows(of: cell).last == [nil, nil, "new"])
                let matrix = try await store.records(of: cell, after: 2, columns: [key, "plain"], limit: 10)
                #expect(matrix.values.map { $0.isNaN ? -1 : $0 } == [-1, 0.5, 3, 1.5, -1, -1])
            }
        }
    }

    @Test func keysThatDifferInNormalFormAloneAreOneColumn() async throws {
        try await withStore { store in
            try await store.store(["caf\u{E9}": 1], ["cafe\u{301}": 2], to: cell)
            #expect(try await store.rows(of: cell) == [[1], [2]])
            for key in ["caf\u{E9}", "cafe\u{301}"] {
                #expect(try await store.records(of: cell, after: 0, columns: [key], limit: 2).values == [1, 2])
            }
        }
    }

    @Test func textIsKeptByteForByte() async throws {
        let texts = [
            "", " ", "0", "1e5", "NaN", "a\0b", "\r\n", "e\u{301}", "\u{E9}", "🔋'\"",
            String(repeating: "x", count: 60_000),
        ]
        try await withStore { store in
            for text in texts { try await store.store(["note": .text(text)], to: cell) }
            let read = try await store.rows(of: cell).map { row in
                if case .text(let text) = row[0] { Array(text.utf8) } else { [UInt8]() }
            }
            #expect(read == texts.map { Array($0.utf8) })
        }
    }

    @Test func numbersAreKeptBitForBit() async throws {
        let reals: [Double] = [
            0.0, -0.0, 0.1, .pi, -.greatestFiniteMagnitude, .leastNonzeroMagnitude, 1e15, 9_007_199_254_740_992, 1e300,
        ]
        let integers: [Int64] = [0, -1, .min, .max, 1 << 53, (1 << 53) + 1]
        try await withStore { store in
            for real in reals { try await store.store(["x": .real(real)], to: cell) }
            let name = try BatteryName("integers")
            for integer in integers { try await store.store(["x": .integer(integer)], to: name) }
            #expect(exact(try await store.rows(of: cell)) == exact(reals.map { [.real($0)] }))
            #expect(try await store.rows(of: name) == integers.map { [.integer($0)] })
        }
    }

    @Test func whatIsNoNumberIsNull() async throws {
        try await withStore { store in
            try await store.store(
                ["x": 1.5, "y": nil], ["x": .real(.nan), "y": 1.5], ["x": nil, "y": .real(-.nan)], to: cell)
            #expect(try await store.rows(of: cell) == [[1.5, nil], [nil, 1.5], [nil, nil]])
        }
    }

    @Test func anEstimatorReadsNumbersAndNothingElse() async throws {
        try await withStore { store in
            try await store.store(
                ["test_time": 1.0, "state": "charging", "n": .integer((1 << 53) + 1)], ["test_time": 2.0, "n": -4],
                ["test_time": nil, "n": nil], to: cell)
            let columns = ["n", "state", "unknown", "test_time", "received", "N"]
            let matrix = try await store.records(of: cell, after: 0, columns: columns, limit: 2)
            #expect(matrix.sequences == [1, 2])
            #expect(
                matrix.values.map { $0.isNaN ? -1 : $0 } == [
                    9_007_199_254_740_992, -1, -1, 1, 1000, -1, -4, -1, -1, 2, 1001, -1,
                ])
            let rest = try await store.records(of: cell, after: 2, columns: ["n"], limit: 2)
            #expect(rest.sequences == [3] && rest.values.allSatisfy(\.isNaN))
            #expect(try await store.records(of: cell, after: 3, columns: ["n"], limit: 2) == RecordMatrix())
            #expect(try await store.records(of: cell, after: 0, columns: [], limit: 9).sequences == [1, 2, 3])
            #expect(try await store.records(of: cell, after: 0, columns: ["n"], limit: 0) == RecordMatrix())
        }
    }
}
