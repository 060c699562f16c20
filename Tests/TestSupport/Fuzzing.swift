import Foundation

/// Feeds something with inputs of which nobody vouches for a byte, each a valid one that was tampered with.
package struct Fuzzing {
    /// Inputs of a run.
    package static let count = 200_000

    private let name: String

    package init(_ name: String) { self.name = name }

    /// Tries `count` inputs, and prints how many were accepted and the seed to have them again with `LACHESIS_FUZZ_SEED`.
    /// - Parameters:
    ///   - valid: inputs to begin with.
    ///   - accepts: whether what is tested takes an input; that it ends at all is what is tested.
    /// - Returns: how many were accepted.
    @discardableResult
    package func run(_ valid: [[UInt8]], accepts: ([UInt8], inout SeededGenerator) -> Bool) -> Int {
        let given = ProcessInfo.processInfo.environment["LACHESIS_FUZZ_SEED"].flatMap { UInt64($0) }
        let seed = given ?? .random(in: 0 ... .max)
        var random = SeededGenerator(seed: seed)
        var accepted = 0
        for _ in 0..<Self.count {
            let input = Self.tamper(valid[Int.random(in: 0..<valid.count, using: &random)], &random)
            if accepts(input, &random) { accepted += 1 }
        }
        print("fuzzing \(name): \(Self.count) inputs, \(accepted) accepted, seed \(seed)")
        return accepted
    }

    /// Changes, cuts, doubles or inserts some bytes; now and then none.
    private static func tamper(_ bytes: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 0...4, using: &random) {
            guard !bytes.isEmpty else { return bytes }
            let place = Int.random(in: 0..<bytes.count, using: &random)
            switch UInt8.random(in: 0...7, using: &random) {
            case 0: bytes.removeSubrange(place...)
            case 1: bytes.insert(.random(in: 0...255, using: &random), at: place)
            case 2: bytes.insert(contentsOf: bytes[place...].prefix(16), at: place)
            case 3: bytes.removeSubrange(place..<min(bytes.count, place + 3))
            case 4: bytes[place] = [0, 1, 0x7f, 0x80, 0xff][Int.random(in: 0..<5, using: &random)]
            default: bytes[place] = .random(in: 0...255, using: &random)
            }
        }
        return bytes
    }
}
