internal import Crypto
internal import Foundation

/// The secret that a token's bearer shows: 32 random bytes, written as `lachesis_` and 64 digits of base 16.
package struct TokenSecret: Sendable, Equatable {
    /// Lets people, and programs that look for secrets in the wrong places, recognise a token.
    package static let prefix = "lachesis_"
    static let length = 32

    private let bytes: [UInt8]

    /// A new secret, from the system's generator.
    package init() {
        var generator = SystemRandomNumberGenerator()
        bytes = (0..<Self.length).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    }

    /// Reads what `text` gives; nil for anything else, be it in upper case.
    package init?(_ text: some StringProtocol) {
        let digits = Array(text.utf8)
        guard digits.count == Self.prefix.utf8.count + 2 * Self.length, digits.starts(with: Self.prefix.utf8) else {
            return nil
        }
        var bytes: [UInt8] = []
        for place in stride(from: Self.prefix.utf8.count, to: digits.count, by: 2) {
            guard let high = Self.value(of: digits[place]), let low = Self.value(of: digits[place + 1]) else {
                return nil
            }
            bytes.append(high << 4 | low)
        }
        self.bytes = bytes
    }

    package var text: String {
        let digits = Array("0123456789abcdef".utf8)
        return Self.prefix
            + String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    /// SHA-256, which is all that is stored; 256 random bits need no slower one.
    package var hash: [UInt8] { Array(SHA256.hash(data: bytes)) }

    private static func value(of digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}

/// Whether two sequences of bytes are equal, in a time that tells nothing of where they differ.
package func equalInConstantTime(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    guard left.count == right.count else { return false }
    var difference: UInt8 = 0
    for place in left.indices { difference |= left[place] ^ right[place] }
    return difference == 0
}
