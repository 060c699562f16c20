import LachesisModel
import LachesisStore
import Testing

@Suite struct SchemaTests {
    private let cell = try! BatteryName("cell")

    @Test func aNewKeyAddsAColumnAndAMissingOneIsNull() async throws {
        try await withStore { store in
            try await store.store(["a": 1], ["b": 2.5], ["c": "x", "a": 3], ["a": nil], to: cell)
            #expect(try store.columns(of: cell) == ["a INTEGER", "b FLOAT", "c VARCHAR"])
            let rows = try await store.rows(of: cell)
            #expect(rows == [[1, nil, nil], [nil, 2.5, nil], [3, nil, "x"], [nil, nil, nil]])
        }
    }

    @Test func knownColumnsTakeTheirTypeWhateverComesFirst() async throws {
        try await withStore { store in
            try await store.store(
                ["test_time": 0, "current": 0, "state": nil, "cycle_number": 4.0, "free": 0], to: cell)
            #expect(
                try store.columns(of: cell) == [
                    "test_time FLOAT", "current FLOAT", "state VARCHAR", "cycle_number INTEGER", "free INTEGER",
                ])
            #expect(try await store.rows(of: cell) == [[0.0, 0.0, nil, 4, 0]])
        }
    }

    @Test func aColumnThatWasAlwaysNullTakesItsFirstValuesType() async throws {
        try await withFolder { folder in
            try await withStore(in: folder) { store in
                try await store.store(["a": nil, "b": nil, "c": nil], to: cell)
                #expect(try store.columns(of: cell) == ["a FLOAT", "b FLOAT", "c FLOAT"])
            }
            try await withStore(in: folder) { store in
                #expect(store.stats(of: cell)?.columns.map(\.isProvisional) == [true, true, true, false])
                try await store.store(["a": "x", "b": 1, "c": nil], ["c": 1.5], to: cell)
                #expect(try store.columns(of: cell) == ["a VARCHAR", "b INTEGER", "c FLOAT"])
                #expect(try await store.rows(of: cell) == [[nil, nil, nil], ["x", 1, nil], [nil, nil, 1.5]])
            }
        }
    }

    @Test func anIntegerColumnBecomesFloatAtItsFirstFractionAndNothingIsRounded() async throws {
        let large: [Int64] = [(1 << 53) + 1, .max, .min + 1, -(1 << 53) - 1]
        try await withFolder { folder in
            try await withStore(in: folder) { store in
                for integer in large { try await store.store(["n": .integer(integer)], to: cell) }
                try await store.store(["n": 7], ["n": 8.0], ["n": .integer(.min)], to: cell)
                #expect(try store.columns(of: cell) == ["n INTEGER"])
                try await store.store(["n": 0.5], ["n": 9], to: cell)
            }
            try await withStore(in: folder) { store in
                #expect(try store.columns(of: cell) == ["n FLOAT"])
                let expected: [[Value]] =
                    large.map { [.integer($0)] } + [[7.0], [8.0], [.real(Double(Int64.min))], [0.5], [9.0]]
                let rows = try await store.rows(of: cell)
                #expect(exact(rows) == exact(expected))
            }
        }
    }

    @Test(arguments: [-0.0, 0.5, 9_223_372_036_854_775_808, 1e300, -1e-300])
    func whatNoIntegerEqualsMakesAColumnFloat(_ value: Double) async throws {
        try await withStore { store in
            try await store.store(["n": 1], ["n": .real(value)], to: cell)
            #expect(try store.columns(of: cell) == ["n FLOAT"])
            #expect(exact(try await store.rows(of: cell)) == exact([[1.0], [.real(value)]]))
        }
    }

    // MARK: Refusals

    @Test func whatStandsBeforeARefusedRecordIsStoredAndNothingBehindIt() async throws {
        try await withStore { store in
            let outcome = try await store.append(
                batch(["a": 1], ["a": 2], ["new": 1, "a": "text"], ["a": 4]), to: cell, stream: nil)
            #expect(outcome.stored == 2)
            #expect(outcome.refusal?.kind == .inadmissible)
            #expect(outcome.refusal?.key == "a")
            #expect(outcome.refusal?.reason == "is text, but the column is INTEGER")
            #expect(try store.columns(of: cell) == ["a INTEGER"])
            #expect(try await store.rows(of: cell) == [[1], [2]])
            try await store.store(["a": 5], to: cell)
            #expect(try await store.rows(of: cell) == [[1], [2], [5]])
        }
    }

    @Test func aRefusedFirstRecordMakesNoBattery() async throws {
        try await withStore { store in
            let outcome = try await store.append(batch(["voltage": "high"], ["voltage": 3.7]), to: cell, stream: nil)
            #expect(outcome.stored == 0 && outcome.refusal?.key == "voltage")
            #expect(store.stats().isEmpty)
        }
    }

    @Test func aRefusedRecordLeavesNoColumnAndNoTypeBehind() async throws {
        try await withStore { store in
            try await store.store(["a": 1, "b": nil], to: cell)
            let outcome = try await store.append(
                batch(["a": 0.5, "b": "x", "c": 1, "voltage": "no"]), to: cell, stream: nil)
            #expect(outcome.stored == 0 && outcome.refusal?.key == "voltage")
            #expect(try store.columns(of: cell) == ["a INTEGER", "b FLOAT"])
            try await store.store(["a": 2, "b": 3], to: cell)
            #expect(try store.columns(of: cell) == ["a INTEGER", "b INTEGER"])
        }
    }

    @Test(arguments: [
        (Value.text("a"), Value.integer(1), "is a number, but the column is VARCHAR"),
        (.text("a"), .real(1.5), "is a number, but the column is VARCHAR"),
        (.integer(1), .text("1"), "is text, but the column is INTEGER"),
        (.real(1.5), .text("1"), "is text, but the column is FLOAT"),
        (
            .real(1.5), .integer((1 << 53) + 1),
            "the integer 9007199254740993 has no exact 64-bit float, and the column is FLOAT"
        ),
    ])
    func aValueThatItsColumnCannotHoldIsRefused(first: Value, second: Value, reason: String) async throws {
        try await withStore { store in
            let outcome = try await store.append(batch([[("x", first)], [("x", second)]]), to: cell, stream: nil)
            #expect(outcome.stored == 1)
            #expect(outcome.refusal == RecordRefusal(.inadmissible, key: "x", reason))
            #expect(try await store.rows(of: cell) == [[first]])
        }
    }

    @Test(arguments: ["VOLTAGE", "Received"]) func aKeyThatDiffersInCaseAloneIsRefused(_ key: String) async throws {
        try await withStore { store in
            let outcome = try await store.append(batch(["voltage": 3.7], [key: 3.7]), to: cell, stream: nil)
            #expect(outcome.stored == 1)
            #expect(outcome.refusal?.key == key)
        }
    }

    @Test func caseCountsBeyondASCII() async throws {
        try await withStore { store in
            try await store.store(["Ä": 1, "ä": 2, "ẞ": 3, "ß": 4], to: cell)
            #expect(try await store.rows(of: cell) == [[1, 2, 3, 4]])
        }
    }

    @Test func aKeyBeyondTheColumnLimitIsRefused() async throws {
        var limits = Limits()
        limits.columns = 3
        try await withStore(limits: limits) { store in
            let outcome = try await store.append(
                batch(["a": 1, "b": 2], ["c": 3, "received": 0], ["d": 4]), to: cell, stream: nil)
            #expect(outcome.stored == 2)
            #expect(outcome.refusal?.key == "d")
            #expect(outcome.refusal?.reason == "would be column 4; at most 3 are allowed")
            #expect(try store.columns(of: cell) == ["a INTEGER", "b INTEGER", "c INTEGER"])
        }
    }

    @Test func aTableOfAsManyColumnsAsSQLiteAllowsIsReadAndWritten() async throws {
        var limits = Limits()
        limits.columns = 5_000
        try await withStore(limits: limits) { store in
            func record(_ keys: Range<Int>) -> Record { keys.map { ("k\($0)", .integer(Int64($0))) } }
            var width = 1_990
            #expect(try await store.append(batch([record(0..<width)]), to: cell, stream: nil).stored == 1)
            var refusal: RecordRefusal?
            while refusal == nil {
                refusal = try await store.append(batch([record(width..<width + 1)]), to: cell, stream: nil).refusal
                width += refusal == nil ? 1 : 0
            }
            #expect(refusal?.key == "k\(width)")
            #expect(width == 1_997)
            let other = try BatteryName("other")
            #expect(try await store.append(batch([record(0..<width)]), to: other, stream: nil).stored == 1)
            #expect(try await store.rows(of: other) == [record(0..<width).map(\.value)])
            #expect(try await store.rows(of: cell).count == 8)
        }
    }
}
