internal import Foundation

/// Why a battery's name was refused, in words for the person who chose it.
package struct NameError: Error, Equatable, CustomStringConvertible {
    package let description: String

    package init(description: String) { self.description = description }
}

/// A battery's name: 1–128 characters, letters, digits, space, `_`, `-` and `.` of any script, the first a letter, digit or `_`.
///
/// Names are kept in Unicode's normal form C. Two names that differ in the case of ASCII letters alone denote the same SQL
/// table, so they are one name to the store; `folded` is what it compares.
package struct BatteryName: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let text: String

    /// The name as SQLite compares identifiers: ASCII letters in lower case.
    package let folded: String

    package var description: String { text }

    package static let maximumLength = 128

    /// Prefixes and suffixes of tables that are not a battery's own.
    private static let reservedPrefixes = ["lachesis_", "sqlite_"]
    private static let reservedSuffixes = ["_estimates"]
    private static let reservedNames: Set<String> = ["battery_metadata"]

    /// - Throws: `NameError` that says which rule the text breaks.
    package init(_ raw: String) throws(NameError) {
        // ASCII is in form C as it is, and Unicode's tables are slow: names are read with every request.
        let isASCII = raw.utf8.allSatisfy { $0 < 0x80 }
        let text = isASCII ? raw : raw.precomposedStringWithCanonicalMapping
        guard !text.isEmpty else { throw NameError(description: "the name is empty") }
        let length = text.unicodeScalars.count
        guard length <= Self.maximumLength else {
            throw NameError(description: "the name has \(length) characters; at most \(Self.maximumLength) are allowed")
        }
        for (position, scalar) in text.unicodeScalars.enumerated() {
            guard Self.isAllowed(scalar, first: position == 0) else {
                let shown =
                    scalar.properties.isWhitespace || scalar.value < 32 ? "U+\(hex(scalar.value))" : "'\(scalar)'"
                throw NameError(
                    description: position == 0
                        ? "the name must begin with a letter, a digit or '_', not \(shown)"
                        : "the name contains \(shown); allowed are letters, digits, space, '_', '-' and '.'")
            }
        }
        guard text.last != " " else { throw NameError(description: "the name ends with a space") }
        let folded = asciiLowercased(text)
        let isReserved =
            Self.reservedNames.contains(folded) || Self.reservedPrefixes.contains { folded.hasPrefix($0) }
            || Self.reservedSuffixes.contains { folded.hasSuffix($0) }
        guard !isReserved else {
            throw NameError(
                description: "the name is reserved: so are names that begin with 'lachesis_' or 'sqlite_' or end with "
                    + "'_estimates', and 'battery_metadata'")
        }
        (self.text, self.folded) = (text, folded)
    }

    package static func == (left: BatteryName, right: BatteryName) -> Bool { left.text == right.text }

    package func hash(into hasher: inout Hasher) { hasher.combine(text) }

    package static func < (left: BatteryName, right: BatteryName) -> Bool { left.text < right.text }

    private static func isAllowed(_ scalar: Unicode.Scalar, first: Bool) -> Bool {
        if scalar.isASCII {
            return "0"..."9" ~= scalar || "A"..."Z" ~= scalar || "a"..."z" ~= scalar || scalar == "_"
                || (!first && (scalar == " " || scalar == "-" || scalar == "."))
        }
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .decimalNumber,
            .letterNumber, .otherNumber:
            return true
        case .nonspacingMark, .spacingMark:
            return !first
        default:
            return false
        }
    }
}

private func hex(_ value: UInt32) -> String {
    let digits = String(value, radix: 16, uppercase: true)
    return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
}

/// SQLite's own comparison of identifiers folds ASCII letters and nothing else.
package func asciiLowercased(_ text: String) -> String {
    guard text.utf8.contains(where: { $0 >= 65 && $0 <= 90 }) else { return text }
    return String(decoding: text.utf8.map { $0 >= 65 && $0 <= 90 ? $0 + 32 : $0 }, as: UTF8.self)
}
