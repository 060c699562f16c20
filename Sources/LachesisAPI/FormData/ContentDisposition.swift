internal import Foundation

/// A part's `Content-Disposition: form-data; name="…"; filename="…"` (RFC 7578, RFC 5987 for `filename*`).
struct ContentDisposition: Equatable {
    let name: String
    let filename: String?

    /// - Parameter headers: a part's header fields, each behind a line break.
    init(headers: ArraySlice<UInt8>) throws(FormError) {
        guard let text = String(validating: headers, as: UTF8.self) else {
            throw FormError(.malformed, "a part's header fields are not UTF-8")
        }
        guard !text.contains("\0") else { throw FormError(.malformed, "a part's header fields contain NUL") }
        var disposition: Substring?
        for line in text.split(separator: "\r\n") {
            guard let colon = line.firstIndex(of: ":") else {
                throw FormError(.malformed, "a part's header field has no colon")
            }
            if line[..<colon].lowercased() == "content-disposition" { disposition = line[line.index(after: colon)...] }
        }
        guard let disposition else { throw FormError(.malformed, "a part has no Content-Disposition") }
        let (kind, parameters) = try Self.parse(disposition)
        guard kind == "form-data" else {
            throw FormError(.malformed, "a part's disposition is '\(kind)', not form-data")
        }
        guard let name = parameters["name"] else { throw FormError(.malformed, "a part has no name") }
        self.name = name
        if let extended = parameters["filename*"] {
            filename = try Self.decodeExtended(extended)
        } else {
            filename = parameters["filename"]
        }
    }

    /// The media type or disposition, in lower case, and its parameters by their names in lower case.
    static func parse(_ text: Substring) throws(FormError) -> (String, [String: String]) {
        var rest = text.drop { $0 == " " || $0 == "\t" }
        let kind = rest.prefix { $0 != ";" }
        rest = rest[kind.endIndex...]
        var parameters: [String: String] = [:]
        while rest.first == ";" {
            rest = rest.dropFirst().drop { $0 == " " || $0 == "\t" }
            let key = rest.prefix { $0 != "=" && $0 != ";" }
            rest = rest[key.endIndex...]
            guard rest.first == "=" else {
                guard key.allSatisfy({ $0 == " " || $0 == "\t" }) else {
                    throw FormError(.malformed, "the parameter '\(key)' has no value")
                }
                continue
            }
            let value = try takeValue(&rest)
            parameters[key.trimmingCharacters(in: .whitespaces).lowercased()] = value
            rest = rest.drop { $0 == " " || $0 == "\t" }
        }
        guard rest.isEmpty else { throw FormError(.malformed, "'\(rest.prefix(20))' stands where a parameter should") }
        return (kind.trimmingCharacters(in: .whitespaces).lowercased(), parameters)
    }

    private static func takeValue(_ rest: inout Substring) throws(FormError) -> String {
        rest = rest.dropFirst()
        guard rest.first == "\"" else {
            let value = rest.prefix { $0 != ";" }
            rest = rest[value.endIndex...]
            return value.trimmingCharacters(in: .whitespaces)
        }
        rest = rest.dropFirst()
        var value = ""
        while let character = rest.popFirst() {
            switch character {
            case "\"":
                // Browsers write a quotation mark and line breaks within as %22, %0D and %0A.
                return value.replacing("%22", with: "\"").replacing("%0D", with: "\r").replacing("%0A", with: "\n")
            case "\\" where rest.first == "\"" || rest.first == "\\": value.append(rest.removeFirst())
            default: value.append(character)
            }
        }
        throw FormError(.malformed, "a quoted value has no end")
    }

    private static func decodeExtended(_ text: String) throws(FormError) -> String {
        let parts = text.split(separator: "'", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0].lowercased() == "utf-8", let decoded = String(parts[2]).removingPercentEncoding
        else {
            throw FormError(.malformed, "filename* is not percent-encoded UTF-8")
        }
        return decoded
    }
}
