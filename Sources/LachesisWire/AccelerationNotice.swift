internal import FoundationEssentials
package import LachesisModel

/// A worker's estimator is accelerated less from now on, as a step of it differed from the estimator's own.
package struct AccelerationNotice: Sendable, Equatable {
    package let level: Acceleration
    package let reason: String

    /// Bytes of the longest reason.
    static let longestReason = 4_000
    /// Bytes of the longest notice: such a reason with each byte as JSON's `\u0000`, and what is around it.
    static let mostBytes = 6 * longestReason + 100

    /// - Parameter current: level in use before; nil if the plugin has none.
    /// - Throws: `WireError` if the bytes are not of this form or too many, or if the level is not below the one before.
    package init(decoding payload: [UInt8], after current: Acceleration?) throws(WireError) {
        guard payload.count <= Self.mostBytes else { throw WireError("a notice of \(payload.count) bytes") }
        guard let words = try? JSONDecoder().decode(Words.self, from: Data(payload)), !words.reason.isEmpty else {
            throw WireError("a notice that is not the JSON expected")
        }
        try Self.check(words.reason)
        guard let current, words.acceleration < current else {
            throw WireError("acceleration '\(words.acceleration.rawValue)' after '\(current?.rawValue ?? "none")'")
        }
        (level, reason) = (words.acceleration, words.reason)
    }

    static func check(_ reason: String) throws(WireError) {
        let bytes = reason.utf8.count
        guard bytes <= longestReason else { throw WireError("a reason of \(bytes) bytes") }
    }

    private struct Words: Decodable {
        let acceleration: Acceleration
        let reason: String
    }
}
