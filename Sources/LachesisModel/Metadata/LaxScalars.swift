/// Booleans, integers and numbers as pydantic 2 takes them from JSON in its lax mode.
enum LaxScalars {
    private static let booleanWords: Set<String> = [
        "0", "off", "f", "false", "n", "no", "1", "on", "t", "true", "y", "yes",
    ]

    /// A boolean, 0 or 1 as an integer or a float, or one of twelve words in any case.
    static func checkBoolean(_ tree: JSONTree) throws(MetadataFault) {
        switch tree {
        case .bool, .integer(0), .integer(1), .real(0), .real(1): return
        case .string(let text) where booleanWords.contains(asciiLowercased(text)): return
        case .integer, .string: throw .unreadableBoolean
        case .real(let value) where Int64(exactly: value) != nil: throw .unreadableBoolean
        case .null, .hugeInteger, .real, .array, .object: throw .notBoolean
        }
    }

    /// An integer of at most 4300 digits, a float without a fraction below 2⁶³, a boolean, or digits in a string.
    /// - Returns: the integer, rounded to the nearest double: enough to compare it with a small bound.
    static func integer(_ tree: JSONTree) throws(MetadataFault) -> Double {
        switch tree {
        case .bool(let value): return value ? 1 : 0
        case .integer(let value): return Double(value)
        case .hugeInteger(let value): return value
        case .real(let value):
            guard value.isFinite else { throw .infiniteInteger }
            guard value == value.rounded() else { throw .fractionalInteger }
            guard value.magnitude < 0x1p63 else { throw .oversizedInteger }
            return value
        case .string(let text): return try integer(text)
        case .null, .array, .object: throw .notInteger
        }
    }

    /// Any number, a boolean as 0 or 1, or a decimal number, `inf`, `infinity` or `nan` in a string.
    static func number(_ tree: JSONTree) throws(MetadataFault) -> Double {
        switch tree {
        case .bool(let value): return value ? 1 : 0
        case .integer(let value): return Double(value)
        case .hugeInteger(let value), .real(let value): return value
        case .string(let text): return try number(text)
        case .null, .array, .object: throw .notNumber
        }
    }

    /// A sign, digits with a single `_` between some (any number of them after leading zeros), and a fraction of zeros.
    private static func integer(_ text: String) throws(MetadataFault) -> Double {
        var rest = trimmed(text)
        let sign = rest.first == UInt8(ascii: "-") ? -1.0 : 1.0
        if let first = rest.first, isSign(first) { rest.removeFirst() }
        if let point = rest.firstIndex(of: UInt8(ascii: ".")) {
            let fraction = rest[(point + 1)...]
            guard !fraction.isEmpty, fraction.allSatisfy({ $0 == UInt8(ascii: "0") }) else { throw .unreadableInteger }
            rest = rest[..<point]
        }
        guard let first = rest.first, first.isASCIIDigit, let last = rest.last, last.isASCIIDigit else {
            throw .unreadableInteger
        }
        let significant = rest.drop { $0 == UInt8(ascii: "0") || $0 == UInt8(ascii: "_") }
        guard significant.allSatisfy({ $0.isASCIIDigit || $0 == UInt8(ascii: "_") }), !hasDoubledUnderscore(significant)
        else { throw .unreadableInteger }
        let digits = significant.filter(\.isASCIIDigit)
        guard digits.count <= JSONReader.digitLimit else { throw .oversizedInteger }
        return digits.isEmpty ? 0 : sign * (Double(String(decoding: digits, as: UTF8.self)) ?? .infinity)
    }

    /// Underscores are as in integers, but may stand beside any character, and not in a text that spaces surround.
    private static func number(_ raw: String) throws(MetadataFault) -> Double {
        let text = trimmed(raw)
        let underscore = UInt8(ascii: "_")
        if text.contains(underscore) {
            guard text.first != underscore, text.last != underscore, !hasDoubledUnderscore(text),
                text.count == raw.utf8.count
            else { throw .unreadableNumber }
        }
        let plain = text.filter { $0 != underscore }
        let unsigned = asciiLowercased(String(decoding: plain.drop(while: isSign), as: UTF8.self))
        let isWord = ["inf", "infinity", "nan"].contains(unsigned) && plain.count <= unsigned.utf8.count + 1
        guard isWord || isDecimal(plain), let number = Double(String(decoding: plain, as: UTF8.self)) else {
            throw .unreadableNumber
        }
        return number
    }

    /// Whether the text is digits, perhaps with a point, a sign before and an exponent behind.
    static func isDecimal(_ text: some Sequence<UInt8>) -> Bool {
        var rest = ArraySlice(Array(text))
        if let first = rest.first, isSign(first) { rest.removeFirst() }
        let whole = rest.prefix(while: \.isASCIIDigit)
        rest = rest.dropFirst(whole.count)
        var digits = whole.count
        if rest.first == UInt8(ascii: ".") {
            let fraction = rest.dropFirst().prefix(while: \.isASCIIDigit)
            rest = rest.dropFirst(1 + fraction.count)
            digits += fraction.count
        }
        guard digits > 0 else { return false }
        guard let mark = rest.popFirst() else { return true }
        guard mark | 0x20 == UInt8(ascii: "e") else { return false }
        if let first = rest.first, isSign(first) { rest.removeFirst() }
        return !rest.isEmpty && rest.allSatisfy(\.isASCIIDigit)
    }

    private static func trimmed(_ text: String) -> ArraySlice<UInt8> {
        let inner = text.unicodeScalars.drop { $0.properties.isWhitespace }
        let end = inner.lastIndex { !$0.properties.isWhitespace }.map(inner.index(after:)) ?? inner.startIndex
        return ArraySlice(Array(String(inner[..<end]).utf8))
    }

    private static func hasDoubledUnderscore(_ text: ArraySlice<UInt8>) -> Bool {
        zip(text, text.dropFirst()).contains { $0 == UInt8(ascii: "_") && $1 == UInt8(ascii: "_") }
    }

    private static func isSign(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-") }
}
