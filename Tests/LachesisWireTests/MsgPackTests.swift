import LachesisModel
import TestSupport
import Testing

@testable import LachesisWire

@Suite struct MsgPackTests {
    /// A list of records `{"a": value}`.
    private func list(_ values: [[UInt8]], header: [UInt8]? = nil) -> [UInt8] {
        (header ?? [0x90 | UInt8(values.count)]) + values.flatMap { [0x81, 0xa1, 0x61] + $0 }
    }

    private func decode(_ bytes: [UInt8], limits: Limits = Limits()) throws(RefusedRecord) -> RecordBatch {
        var batch = RecordBatch()
        let refused = bytes.withUnsafeBytes { bytes -> RefusedRecord? in
            do throws(RefusedRecord) {
                try RecordDecoder(limits: limits).decode(list: bytes, received: 1, into: &batch)
                return nil
            } catch {
                return error
            }
        }
        if let refused { throw refused }
        return batch
    }

    private func refused(_ bytes: [UInt8], limits: Limits = Limits()) -> RefusedRecord? {
        do throws(RefusedRecord) {
            _ = try decode(bytes, limits: limits)
            return nil
        } catch {
            return error
        }
    }

    @Test func listsOfAllFormsAreRead() throws {
        #expect(try decode([0x90]).isEmpty)
        for header: [UInt8] in [[0x92], [0xdc, 0, 2], [0xdd, 0, 0, 0, 2]] {
            #expect(try decode(list([[1], [0xff]], header: header)).runs[0].values == [.integer(1), .integer(-1)])
        }
    }

    @Test func theRecordAtFaultIsNamed() {
        #expect(refused(list([[1], [0x90], [1]]))?.number == 2)
        #expect(refused(list([[1], [0x90], [1]]))?.refusal.key == "a")
        #expect(refused(list([[1]], header: [0x93]))?.number == 2)
        #expect(refused([0x92, 0x80, 0x01])?.number == 2)
        for bytes: [UInt8] in [[], [0x80], [0x05], [0xdc], [0xdd, 0, 0], list([[1]]) + [0]] {
            #expect(refused(bytes) != nil && refused(bytes)?.number == nil, "\(bytes)")
        }
        #expect(refused([0xdd, 0xff, 0xff, 0xff, 0xff])?.refusal.kind == .malformed)
        var limits = Limits()
        limits.recordBytes = 4
        #expect(refused(list([[1], [0xa1, 0x62]]), limits: limits)?.number == 2)
    }

    @Test func moreRecordsThanAreAllowedAreRefusedAtOnce() {
        var limits = Limits()
        limits.uploadRecords = 2
        #expect(refused(list([[1], [1]]), limits: limits) == nil)
        #expect(
            refused(list([[1], [1], [0x90]]), limits: limits) == RefusedRecord(number: nil, refusal: .tooMany(limits)))
    }

    @Test func bytesOfAnyKindAreReadOrRefused() {
        var generator = SeededGenerator(seed: 3)
        for _ in 0..<20_000 {
            var bytes = generator.bytes(Int.random(in: 0...40, using: &generator))
            if !bytes.isEmpty, Bool.random(using: &generator) { bytes[0] = 0x93 }
            _ = refused(bytes)
        }
    }

    @Test func whatIsWrittenIsReadAgain() throws {
        var generator = SeededGenerator(seed: 4)
        var values: [Value] = [
            .null, .real(-0.0), .real(.leastNonzeroMagnitude), .text(""), .text("ä\"\n"), .integer(.min),
            .integer(.max),
        ]
        for bits in 0..<63 {
            for offset: Int64 in [-1, 0, 1] {
                values += [.integer((1 << bits) + offset), .integer(-(1 << bits) + offset)]
            }
        }
        for count in [31, 32, 255, 256, 60_000] { values.append(.text(String(repeating: "x", count: count))) }
        for _ in 0..<100 { values.append(.real(.random(in: -1e9...1e9, using: &generator))) }
        var writer = MsgPackWriter()
        writer.array(values.count)
        for value in values {
            writer.map(1)
            writer.string("a")
            writer.value(value)
        }
        #expect(try decode(writer.bytes).runs.flatMap(\.values) == values)
        #expect(writer.drain().count > 60_000 && writer.bytes.isEmpty)
    }
}
