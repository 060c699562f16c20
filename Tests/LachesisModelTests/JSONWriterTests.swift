import Foundation
import LachesisModel
import TestSupport
import Testing

@Suite struct JSONWriterTests {
    private func written(_ body: (inout JSONWriter) -> Void) -> String {
        var json = JSONWriter()
        body(&json)
        return String(decoding: json.bytes, as: UTF8.self)
    }

    private func expectRoundTrip(_ value: Double) throws {
        let text = written { $0.number(value) }
        let read = try JSONDecoder().decode([Double].self, from: Data("[\(text)]".utf8))
        #expect(read[0].bitPattern == value.bitPattern, "\(text)")
    }

    @Test(arguments: [
        0, -0.0, 1, 0.1, 1 / 3, 1e15, 1e16, 1e17, 123_456_789_012_345_680, 1e21, 1e22, 1e23, .pi, 0x1p53, 0x1p53 + 2,
        1.0.nextUp, 1.0.nextDown, .greatestFiniteMagnitude, .leastNormalMagnitude, .leastNormalMagnitude.nextDown,
        .leastNonzeroMagnitude,
    ])
    func aDoubleParsesBackToItself(value: Double) throws {
        try expectRoundTrip(value)
        try expectRoundTrip(-value)
    }

    @Test func randomDoublesParseBackToThemselves() throws {
        var generator = SeededGenerator(seed: 1)
        var values: [Double] = []
        while values.count < 10_000 {
            let value = Double(bitPattern: generator.next())
            if value.isFinite { values.append(value) }
        }
        let text = written { $0.numbers(values) }
        let read = try JSONDecoder().decode([Double].self, from: Data(text.utf8))
        #expect(read.map(\.bitPattern) == values.map(\.bitPattern))
    }

    @Test func whatIsNotFiniteIsNull() {
        #expect(written { $0.numbers([.nan, .infinity, -.infinity, .signalingNaN]) } == "[null,null,null,null]")
        #expect(written { $0.number(nil) } == "null")
        #expect(written { $0.string(nil) } == "null")
    }

    @Test func stringsAreEscapedAsLittleAsNeeded() throws {
        #expect(written { $0.string("a\"\\\n\u{0}\u{1f}\u{7f}/é😀") } == #""a\"\\\n\u0000\u001f\u007f/é😀""#)
        let every = String(String.UnicodeScalarView((0..<0x300).compactMap(Unicode.Scalar.init)))
        let text = written { $0.strings([every, ""]) }
        #expect(try JSONDecoder().decode([String].self, from: Data(text.utf8)) == [every, ""])
    }

    @Test func commasStandBetweenElementsAndNowhereElse() {
        let text = written { json in
            json.beginObject()
            json.key("a")
            json.beginArray()
            json.endArray()
            json.key("b")
            json.beginArray()
            json.integer(Int64.min)
            json.beginObject()
            json.endObject()
            json.bool(true)
            json.raw("[0]".utf8)
            json.endArray()
            json.key("c\"")
            json.null()
            json.endObject()
        }
        #expect(text == #"{"a":[],"b":[-9223372036854775808,{},true,[0]],"c\"":null}"#)
    }

    @Test func valuesOfRecordsKeepTheirType() {
        let text = written { json in
            json.beginArray()
            for value: Value in [.null, .integer(3), .real(3), .text("3")] { json.value(value) }
            json.endArray()
        }
        #expect(text == #"[null,3,3.0,"3"]"#)
    }

    @Test func aMatrixIsAnArrayOfRows() {
        #expect(written { $0.matrix([1, 2, 3, 4, 5, 6], columns: 3) } == "[[1.0,2.0,3.0],[4.0,5.0,6.0]]")
        #expect(written { $0.matrix([], columns: 0) } == "[]")
    }

    @Test func drainedPiecesFormOneDocument() {
        var json = JSONWriter()
        json.beginArray()
        json.integer(1)
        var bytes = json.drain()
        json.integer(2)
        json.endArray()
        bytes += json.drain()
        #expect(String(decoding: bytes, as: UTF8.self) == "[1,2]")
        #expect(json.bytes.isEmpty)
    }
}
