import TestSupport
import Testing

@testable import LachesisAPI

@Suite struct MultipartParserTests {
    private static let limits = FormLimits(parts: 4, fieldBytes: 1_000, fileBytes: 2_000)

    private static let body = Array(
        ("preamble\r\n--xyz\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nZelle Ä\r\n--xyz  \r\n"
            + "content-type: text/plain\r\ncontent-disposition: form-data; name=\"files\"; filename=\"a \\\"b\\\".txt\"\r\n\r\n"
            + "line\r\n--xy not yet\r\n\r\n--xyz\r\nContent-Disposition: form-data; name=empty\r\n\r\n\r\n--xyz--\r\nepilogue")
            .utf8)

    private static let parts = [
        FormPart(name: "name", content: Array("Zelle Ä".utf8)),
        FormPart(name: "files", filename: "a \"b\".txt", content: Array("line\r\n--xy not yet\r\n".utf8)),
        FormPart(name: "empty", content: []),
    ]

    private func parse(_ pieces: [some Sequence<UInt8>], limits: FormLimits = Self.limits) throws -> [FormPart] {
        var parser = try MultipartParser(boundary: "xyz", limits: limits)
        for piece in pieces { try parser.push(piece) }
        return try parser.finish()
    }

    @Test func aFormIsRead() throws {
        #expect(try parse([Self.body]) == Self.parts)
    }

    @Test func howItIsCutDoesNotMatter() throws {
        #expect(try parse(Self.body.map { [$0] }) == Self.parts)
        for cut in Self.body.indices {
            #expect(try parse([Self.body[..<cut], Self.body[cut...]]) == Self.parts)
        }
    }

    @Test func contentsOverTheirLimitAreRefused() {
        var limits = Self.limits
        limits.fieldBytes = 7
        #expect(throws: FormError(.tooLarge, "the part 'name' exceeds 7 bytes")) {
            try parse([Self.body], limits: limits)
        }
        limits = Self.limits
        limits.parts = 2
        #expect(throws: FormError.self) { try parse([Self.body], limits: limits) }
    }

    @Test func whatIsNoFormIsRefused() {
        for text in [
            "", "no boundary", "--xyz\r\n", "--xyz\r\nContent-Disposition: form-data\r\n\r\nx\r\n--xyz--",
            "--xyz\nContent-Disposition: form-data; name=a\n\nx\n--xyz--", "--xyz\r\n\r\nx\r\n--xyz--",
            "--xyz\r\nContent-Disposition: form-data; name=\"a\r\n\r\nx\r\n--xyz--",
            "--xyz\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n--xyz",
        ] {
            #expect(throws: FormError.self, "\(text)") { try parse([Array(text.utf8)]) }
        }
    }

    @Test func noBytesBreakTheParser() {
        let accepted = Fuzzing("form-data").run([Self.body]) { bytes, random in
            let cut = Int.random(in: 0...bytes.count, using: &random)
            return (try? parse([bytes[..<cut], bytes[cut...]])) != nil
        }
        #expect(accepted > 0)
    }

    @Test func anEncodedFileNameIsDecoded() throws {
        let headers = Array("Content-Disposition: form-data; name=\"f\"; filename*=UTF-8''Z%C3%A4hler.csv".utf8)
        #expect(try ContentDisposition(headers: headers[...]).filename == "Zähler.csv")
    }
}

@Suite struct FormTests {
    @Test func urlEncodedFieldsAreRead() throws {
        let limits = FormLimits(parts: 3, fieldBytes: 100, fileBytes: 0)
        let parts = try Form.urlEncoded(Array("name=with+space&definition=x%20%3D%201%0A".utf8), limits: limits)
        #expect(parts.map(\.name) == ["name", "definition"])
        #expect(parts.map { String(decoding: $0.content, as: UTF8.self) } == ["with space", "x = 1\n"])
        #expect(throws: FormError.self) { try Form.urlEncoded(Array("a=%ff".utf8), limits: limits) }
    }

    @Test func onlyAFilesLastComponentCounts() throws {
        #expect(try RegistrationForm.fileName("../../escape.txt") == "escape.txt")
        #expect(try RegistrationForm.fileName("C:\\data\\a.json") == "a.json")
        #expect(try RegistrationForm.fileName("../\u{301}x") == "\u{301}x")
        #expect(try RegistrationForm.fileName("a\\\u{301}x") == "\u{301}x")
        for odd in ["", "..", "a/", "-rf", "a\nb", "a\0b", "-\u{301}rf", nil] {
            #expect(throws: APIError.self) { try RegistrationForm.fileName(odd) }
        }
    }
}
