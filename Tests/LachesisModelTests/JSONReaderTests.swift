import Testing

@testable import LachesisModel

@Suite struct JSONReaderTests {
    private func isRefused(_ bytes: [UInt8]) throws -> Bool { try faults(of: bytes) == ["body json_invalid"] }

    @Test(arguments: [
        "", " ", "{", "[", "[1", "[1 2]", "[1,]", "{\"a\":1,}", "{,}", "{\"a\"}", "{\"a\":}", "{1:2}", "{a:1}", "{}{}",
        "{}x", "[}", "nul", "truex", "'a'", "\"a", "\"\\x\"", "\"\\u12\"", "\"\\u00g0\"", "\"\u{1}\"", "\"a\nb\"",
        "01", "-", "+1", "1.", ".5", "1e", "1e+", "--1", "0x1", "NaN", "Infinity", "-Infinity", "// c\n{}",
        "\u{feff}{}",
        "\"\\ud800\"", "\"\\ud83dx\"", "\"\\ude00\"", "\"\\ud83d\\ud83d\"", "{}\u{0}",
    ])
    func whatIsNotJSONIsRefused(text: String) throws {
        #expect(try isRefused(Array(text.utf8)))
    }

    @Test func whatIsNotUTF8IsRefused() throws {
        for bytes: [UInt8] in [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xe2, 0x82], [0xf4, 0x90, 0x80, 0x80]] {
            #expect(try isRefused(Array("{\"a\":\"".utf8) + bytes + Array("\"}".utf8)))
            #expect(try isRefused(Array("{\"".utf8) + bytes + Array("\":1}".utf8)))
            #expect(try isRefused(Array("{}".utf8) + bytes))
        }
        #expect(try isRefused(Array("{}".utf16).flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }))
    }

    @Test func scalarsAreAsExactAsTheyWereWritten() throws {
        func read(_ text: String) throws -> JSONTree { try JSONReader.tree(of: Array(text.utf8)) }
        guard case .bool(true) = try read("true"), case .integer(1) = try read("1"), case .real(1) = try read("1.0"),
            case .real(100) = try read("1e2"), case .integer(.min) = try read("-9223372036854775808"),
            case .hugeInteger(0x1p63) = try read("9223372036854775808"), case .real(.infinity) = try read("1e999"),
            case .real(0) = try read("1e-999"), case .null = try read(" null\n"),
            case .string("a\"\\/\u{8}\u{c}\n\r\t\u{0}é😀") = try read(#""a\"\\\/\b\f\n\r\t\u0000\u00E9\uD83D\ude00""#)
        else {
            Issue.record("a scalar was read as something else")
            return
        }
    }

    @Test func nestingIsBoundedHoweverDeep() throws {
        func nested(_ depth: Int, _ open: String, _ close: String) -> [UInt8] {
            Array((String(repeating: open, count: depth) + "1" + String(repeating: close, count: depth)).utf8)
        }
        #expect(try faults(of: nested(200, "{\"a\":", "}")) == [])
        #expect(try isRefused(nested(201, "{\"a\":", "}")))
        #expect(try faults(of: nested(200, "[", "]")) == ["body model_type"])
        #expect(try isRefused(nested(201, "[", "]")))
        #expect(try isRefused(nested(100_000, "[", "]")))
        #expect(try isRefused(nested(100_000, "{\"a\":", "}")))
        #expect(try isRefused([UInt8](repeating: UInt8(ascii: "["), count: 100_000)))
    }

    @Test func anIntegerMayHaveAsManyDigitsAsPythonReads() throws {
        let digits = String(repeating: "1", count: JSONReader.digitLimit)
        #expect(try faults(of: "{\"a\": -\(digits)}") == [])
        #expect(try isRefused(Array("{\"a\": \(digits)1}".utf8)))
        #expect(try faults(of: "{\"battery\": {\"layer_count\": \"\(digits)\"}}") == [])
        #expect(
            try faults(of: "{\"battery\": {\"layer_count\": \"\(digits)1\"}}") == [
                "body.battery.layer_count int_parsing_size"
            ])
    }

    @Test func aSyntaxErrorSaysWhere() {
        for (text, line, column) in [("{\n \"ä\": x}", 2, 8), ("[1,\r\n2", 2, 2), ("", 1, 1)] {
            let error = #expect(throws: JSONSyntaxError.self) { try JSONReader.tree(of: Array(text.utf8)) }
            #expect(error?.line == line && error?.column == column, "\(text)")
        }
    }
}
