import LachesisModel
import TestSupport
import Testing

@testable import LachesisWire

@Suite struct RecordDecoderTests {
    private func decode(_ messages: [[UInt8]], limits: Limits = Limits()) throws -> RecordBatch {
        let decoder = RecordDecoder(limits: limits)
        var batch = RecordBatch()
        for message in messages {
            try message.withUnsafeBytes { bytes in try decoder.decode(bytes, received: 1, into: &batch) }
        }
        return batch
    }

    private func refusal(_ message: [UInt8], limits: Limits = Limits()) -> RecordRefusal? {
        do {
            _ = try decode([message], limits: limits)
            return nil
        } catch {
            return error as? RecordRefusal
        }
    }

    /// `{"a": value}`.
    private func record(_ value: [UInt8]) -> [UInt8] { [0x81, 0xa1, 0x61] + value }

    @Test func scalarsKeepTheirValue() throws {
        let cases: [([UInt8], Value)] = [
            ([0x05], .integer(5)), ([0xff], .integer(-1)), ([0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0], .integer(.min)),
            ([0xcb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0], .real(1.5)), ([0xca, 0x3f, 0xc0, 0, 0], .real(1.5)),
            ([0xc3], .integer(1)), ([0xc2], .integer(0)), ([0xc0], .null), ([0xa2, 0x68, 0x69], .text("hi")),
            ([0xc4, 0x02, 0x68, 0x69], .text("hi")), ([0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0], .null),
            ([0xcb, 0x7f, 0xf0, 0, 0, 0, 0, 0, 0], .null),
        ]
        for (bytes, expected) in cases {
            #expect(try decode([record(bytes)]).runs[0].values == [expected])
        }
    }

    @Test func alikeRecordsFormOneRun() throws {
        let batch = try decode([record([1]), record([2]), [0x80], record([3])])
        #expect(batch.count == 4)
        #expect(batch.runs.map(\.received.count) == [2, 1, 1])
        #expect(batch.runs[0].values == [.integer(1), .integer(2)])
    }

    @Test func whatIsNoMapOfScalarsIsRefused() {
        #expect(refusal([0xc1])?.kind == .malformed)
        #expect(refusal([])?.kind == .malformed)
        #expect(refusal([0x92, 1, 2])?.kind == .malformed)
        #expect(refusal([0x81, 0x01, 0x02])?.kind == .malformed)
        #expect(refusal(record([1]) + [0])?.kind == .malformed)
        #expect(refusal(Array(record([1]).dropLast()))?.kind == .malformed)
        #expect(refusal(record([0xc4, 0x01, 0xff]))?.kind == .malformed)
        #expect(refusal(record([0x80]))?.key == "a")
        #expect(refusal(record([0x90]))?.kind == .inadmissible)
        #expect(refusal(record([0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]))?.kind == .inadmissible)
        #expect(refusal(record([0xd4, 0x01, 0x00]))?.kind == .inadmissible)
    }

    @Test func keysThatCannotBeColumnsAreRefused() {
        #expect(refusal([0x81, 0xa0, 1])?.kind == .inadmissible)
        #expect(refusal([0x82, 0xa1, 0x61, 1, 0xa1, 0x41, 2])?.key == "A")
        #expect(refusal([0x81, 0xa2, 0x61, 0x00, 1])?.kind == .inadmissible)
        #expect(refusal([0x81, 0xaa] + Array("Lachesis_x".utf8) + [1])?.kind == .inadmissible)
        #expect(refusal([0x81, 0xd9, 129] + [UInt8](repeating: 0x61, count: 129) + [1])?.kind == .inadmissible)
    }

    @Test func aRecordOverTheLimitIsRefused() {
        var limits = Limits()
        limits.recordBytes = 8
        #expect(refusal(record([0xa3, 1, 2, 3]), limits: limits) == nil)
        #expect(refusal(record([0xa6, 1, 2, 3, 4, 5, 6]), limits: limits)?.kind == .inadmissible)
    }

    @Test func noBytesBreakTheDecoder() {
        let values: [[UInt8]] = [
            [0xcb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0], [0xa3, 0x61, 0x62, 0x63], [0xc4, 2, 1, 2], [0xc0],
            [0xcf] + [UInt8](repeating: 9, count: 8),
        ]
        let accepted = Fuzzing("msgpack records").run(values.map(record)) { bytes, _ in refusal(bytes) == nil }
        #expect(accepted > 0)
    }
}
