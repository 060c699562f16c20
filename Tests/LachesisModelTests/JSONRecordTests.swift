import TestSupport
import Testing

@testable import LachesisModel

@Suite struct JSONRecordTests {
    private func decode(_ text: String, limits: Limits = Limits()) throws -> RecordBatch {
        var (decoder, batch) = (JSONRecordDecoder(limits: limits), RecordBatch())
        try decoder.decode(Array(text.utf8), received: 1, into: &batch)
        return batch
    }

    private func refused(_ text: String, limits: Limits = Limits()) -> RefusedRecord? {
        do {
            _ = try decode(text, limits: limits)
            return nil
        } catch {
            return error as? RefusedRecord
        }
    }

    @Test func scalarsKeepTheirValue() throws {
        let cases: [(String, Value)] = [
            ("5", .integer(5)), ("-9223372036854775808", .integer(.min)), ("1.5", .real(1.5)), ("1.0", .real(1)),
            ("1e2", .real(100)), ("-0.0", .real(-0.0)), ("true", .integer(1)), ("false", .integer(0)),
            ("null", .null), ("1e999", .null), ("\"hi\"", .text("hi")), ("\"\"", .text("")),
        ]
        for (text, expected) in cases {
            #expect(try decode("[{\"a\": \(text)}]").runs[0].values == [expected])
        }
    }

    @Test func alikeRecordsFormOneRun() throws {
        #expect(try decode(" [ ] ").isEmpty)
        let batch = try decode("[{\"a\":1,\"b\":2}, {\"a\":3,\"b\":4},{},{\"b\":5,\"a\":6}]\n")
        #expect(batch.count == 4)
        #expect(batch.runs.map(\.received.count) == [2, 1, 1])
        #expect(batch.runs[2].layout.keys == ["b", "a"])
    }

    @Test func kindsOfRecordsThatTakeTurnsShareTheirLayouts() throws {
        let batch = try decode("[" + Array(repeating: "{\"a\":1},{\"b\":1}", count: 50).joined(separator: ",") + "]")
        #expect(Set(batch.runs.map { ObjectIdentifier($0.layout) }).count == 2)
        // More keys than are remembered; still each record is what it is.
        let many = (0..<3_000).map { "{\"k\($0 % 1_500)\":\($0)}" }.joined(separator: ",")
        #expect(try decode("[\(many)]").runs.enumerated().allSatisfy { $1.layout.keys == ["k\($0 % 1_500)"] })
    }

    @Test func moreRecordsThanAreAllowedAreRefusedBeforeTheyAreKept() throws {
        var limits = Limits()
        limits.uploadRecords = 3
        #expect(try decode("[{},{},{}]", limits: limits).count == 3)
        #expect(refused("[{},{},{},{}]", limits: limits) == RefusedRecord(number: nil, refusal: .tooMany(limits)))
    }

    @Test func numbersAreReadAsSwiftReadsThem() throws {
        var generator = SeededGenerator(seed: 11)
        var texts = ["0", "-0", "-0.0", "0.1", "99999999999999999", "9007199254740993.0", "0.000000000000001", "1.5e3"]
        for _ in 0..<2_000 {
            let digits = (0..<Int.random(in: 1...20, using: &generator)).map { _ in
                Int.random(in: 0...9, using: &generator)
            }
            let whole = digits.map(String.init).joined().drop { $0 == "0" }
            let fraction = (0..<Int.random(in: 0...18, using: &generator)).map { _ in
                "7390145".randomElement(using: &generator) ?? "1"
            }
            texts.append((whole.isEmpty ? "0" : whole) + (fraction.isEmpty ? "" : "." + String(fraction)))
        }
        for text in texts {
            let value = try? decode("[{\"a\":\(text)}]").runs[0].values[0]
            if let integer = Int64(text) {
                #expect(value == .integer(integer), "\(text)")
            } else if text.contains(".") {
                guard case .real(let real)? = value else {
                    Issue.record("\(text)")
                    continue
                }
                #expect(real.bitPattern == Double(text)?.bitPattern, "\(text)")
            }
        }
    }

    @Test func theRecordAtFaultIsNamed() {
        let cases: [(String, Int?, String?)] = [
            ("[{}, 5]", 2, nil), ("[{}, {}, {\"a\": [1]}]", 3, "a"), ("[{\"a\": {}}]", 1, "a"),
            ("[{\"a\": 1, \"A\": 2}]", 1, "A"), ("[{\"a\": 1, \"a\": 2}]", 1, "a"), ("[{\"\": 1}]", 1, ""),
            ("[{\"lachesis_x\": 1}]", 1, "lachesis_x"), ("[{\"a\\u0000\": 1}]", 1, "a\0"),
            ("[{\"a\": 9223372036854775808}]", 1, "a"), ("[{}, {\"a\": }]", 2, nil), ("[{},]", 2, nil),
            ("[{}", 2, nil), ("[{}] x", 2, nil), ("", nil, nil), ("{}", nil, nil), ("[{\"a\": NaN}]", 1, nil),
        ]
        for (text, number, key) in cases {
            #expect(refused(text)?.number == number, "\(text)")
            #expect(refused(text)?.refusal.key == key, "\(text)")
            #expect(refused(text) != nil, "\(text)")
        }
    }

    @Test func aRecordMayNotBeLargerThanALimit() {
        var limits = Limits()
        limits.recordBytes = 20
        #expect(refused("[{\"a\":1},{\"a\":\"01234567890123456789\"}]", limits: limits)?.number == 2)
        #expect(refused("[{\"a\":1}, {\"a\":\"012345678901\"}]", limits: limits) == nil)
    }
}
