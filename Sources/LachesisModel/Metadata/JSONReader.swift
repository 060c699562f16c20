/// Reads JSON as RFC 8259 defines it, and nothing else.
///
/// Foundation's parsers are not used because they accept more: a comma before a closing bracket, UTF-16, a byte order
/// mark. Its decoder also keeps the first of two equal keys, and takes a minute for 256 KiB that is nested.
package struct JSONReader {
    /// How deep arrays and objects that are not empty may be nested; pydantic's parser has the same bound.
    static let depthLimit = 200
    /// How many digits a number may have before its point; Python's integers are read from no more.
    static let digitLimit = 4300

    private let bytes: [UInt8]
    private var position = 0

    private init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// The one value that the text consists of.
    /// - Throws: `JSONSyntaxError` also for text that is not UTF-8 and for what the limits forbid.
    package static func tree(of bytes: [UInt8]) throws(JSONSyntaxError) -> JSONTree {
        var reader = JSONReader(bytes)
        let tree = try reader.value(depth: 0)
        reader.skipSpace()
        guard reader.current == nil else { throw reader.error("trailing characters") }
        return tree
    }

    private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func value(depth: Int) throws(JSONSyntaxError) -> JSONTree {
        skipSpace()
        switch current ?? 0 {
        case UInt8(ascii: "{"): return try object(depth: depth + 1)
        case UInt8(ascii: "["): return try array(depth: depth + 1)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
        default: throw error("expected a value")
        }
    }

    private mutating func object(depth: Int) throws(JSONSyntaxError) -> JSONTree {
        position += 1
        var members: [(key: String, value: JSONTree)] = []
        skipSpace()
        if skip(UInt8(ascii: "}")) { return .object(members) }
        try checkDepth(depth)
        while true {
            skipSpace()
            guard current == UInt8(ascii: "\"") else { throw error("expected a key in double quotes") }
            let key = try string()
            skipSpace()
            guard skip(UInt8(ascii: ":")) else { throw error("expected ':'") }
            members.append((key, try value(depth: depth)))
            skipSpace()
            if skip(UInt8(ascii: "}")) { return .object(members) }
            guard skip(UInt8(ascii: ",")) else { throw error("expected ',' or '}'") }
        }
    }

    private mutating func array(depth: Int) throws(JSONSyntaxError) -> JSONTree {
        position += 1
        var elements: [JSONTree] = []
        skipSpace()
        if skip(UInt8(ascii: "]")) { return .array(elements) }
        try checkDepth(depth)
        while true {
            elements.append(try value(depth: depth))
            skipSpace()
            if skip(UInt8(ascii: "]")) { return .array(elements) }
            guard skip(UInt8(ascii: ",")) else { throw error("expected ',' or ']'") }
        }
    }

    private func checkDepth(_ depth: Int) throws(JSONSyntaxError) {
        guard depth <= Self.depthLimit else { throw error("nested more than \(Self.depthLimit) deep") }
    }

    private mutating func number() throws(JSONSyntaxError) -> JSONTree {
        let start = position
        _ = skip(UInt8(ascii: "-"))
        let digits = position
        if !skip(UInt8(ascii: "0")) { try skipDigits() }
        let digitCount = position - digits
        var isInteger = true
        if skip(UInt8(ascii: ".")) {
            isInteger = false
            try skipDigits()
        }
        if skip(UInt8(ascii: "e")) || skip(UInt8(ascii: "E")) {
            isInteger = false
            if !skip(UInt8(ascii: "+")) { _ = skip(UInt8(ascii: "-")) }
            try skipDigits()
        }
        if let quick = JSONNumber.quick(bytes[start..<position], isInteger: isInteger) { return quick }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if isInteger, let integer = Int64(text) { return .integer(integer) }
        guard digitCount <= Self.digitLimit else { throw error("a number of more than \(Self.digitLimit) digits") }
        guard let real = Double(text) else { throw error("invalid number") }
        return isInteger ? .hugeInteger(real) : .real(real)
    }

    private mutating func word(_ word: String, _ value: JSONTree) throws(JSONSyntaxError) -> JSONTree {
        for byte in word.utf8 {
            guard skip(byte) else { throw error("expected '\(word)'") }
        }
        return value
    }

    private mutating func skipDigits() throws(JSONSyntaxError) {
        let start = position
        while let byte = current, byte.isASCIIDigit { position += 1 }
        guard position > start else { throw error("expected a digit") }
    }

    private mutating func skipSpace() {
        while let byte = current, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 { position += 1 }
    }

    private mutating func skip(_ byte: UInt8) -> Bool {
        guard current == byte else { return false }
        position += 1
        return true
    }

    private func error(_ reason: String) -> JSONSyntaxError {
        let before = bytes[..<position]
        let lineStart = before.lastIndex(of: 0x0a).map { $0 + 1 } ?? 0
        return JSONSyntaxError(
            reason: position < bytes.count ? reason : "unexpected end, \(reason)",
            line: before.count { $0 == 0x0a } + 1, column: position - lineStart + 1)
    }
}

// MARK: - Elements of a list

extension JSONReader {
    /// Begins to read a text that consists of one list.
    init(list bytes: [UInt8]) throws(JSONSyntaxError) {
        self.init(bytes)
        skipSpace()
        guard skip(UInt8(ascii: "[")) else { throw error("expected a list") }
    }

    /// The next element of the list, and how many bytes it has; nil behind the last, where the text must end.
    /// - Parameter isFirst: whether none was read before.
    mutating func nextElement(isFirst: Bool) throws(JSONSyntaxError) -> (tree: JSONTree, byteCount: Int)? {
        skipSpace()
        if skip(UInt8(ascii: "]")) {
            skipSpace()
            guard current == nil else { throw error("trailing characters") }
            return nil
        }
        guard isFirst || skip(UInt8(ascii: ",")) else { throw error("expected ',' or ']'") }
        skipSpace()
        let start = position
        let tree = try value(depth: 1)
        return (tree, position - start)
    }
}

// MARK: - Strings

extension JSONReader {
    /// The string that opens at the position, its escapes resolved.
    private mutating func string() throws(JSONSyntaxError) -> String {
        let opening = position
        position += 1
        // Nearly all strings have no escape, and are taken as they stand.
        while position < bytes.count, Self.isPlain(bytes[position]) { position += 1 }
        var text = bytes[opening + 1..<position]
        while let byte = current {
            switch byte {
            case UInt8(ascii: "\""):
                guard let string = String(checking: text) else {
                    position = opening
                    throw error("a string that is not UTF-8")
                }
                position += 1
                return string
            case UInt8(ascii: "\\"):
                position += 1
                try unescape(into: &text)
            case 0..<0x20:
                throw error("a control character inside a string")
            default:
                text.append(byte)
                position += 1
            }
        }
        throw error("a string without its closing quote")
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        byte >= 0x20 && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
    }

    private mutating func unescape(into text: inout ArraySlice<UInt8>) throws(JSONSyntaxError) {
        guard let byte = current else { throw error("an incomplete escape") }
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0c)
        case UInt8(ascii: "n"): text.append(0x0a)
        case UInt8(ascii: "r"): text.append(0x0d)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"):
            position += 1
            text.append(contentsOf: String(try unicodeEscape()).utf8)
            return
        default: throw error("an unknown escape")
        }
        position += 1
    }

    /// The scalar of four hexadecimal digits, or of two such escapes that form a surrogate pair.
    private mutating func unicodeEscape() throws(JSONSyntaxError) -> Unicode.Scalar {
        let first = try hexadecimal()
        if let scalar = Unicode.Scalar(first) { return scalar }
        guard first < 0xdc00, skip(UInt8(ascii: "\\")), skip(UInt8(ascii: "u")) else {
            throw error("half a surrogate pair")
        }
        let second = try hexadecimal()
        guard (0xdc00..<0xe000).contains(second),
            let scalar = Unicode.Scalar(0x10000 + (first - 0xd800) << 10 + (second - 0xdc00))
        else { throw error("half a surrogate pair") }
        return scalar
    }

    private mutating func hexadecimal() throws(JSONSyntaxError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = current, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw error("expected four hexadecimal digits")
            }
            value = value << 4 | UInt32(digit)
            position += 1
        }
        return value
    }
}
