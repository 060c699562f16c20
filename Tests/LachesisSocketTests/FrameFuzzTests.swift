import NIOCore
import TestSupport
import Testing

@testable import LachesisSocket

@Suite struct FrameFuzzTests {
    /// A stream of valid frames, and the messages it holds.
    private func validStream(_ random: inout SeededGenerator) -> (bytes: [UInt8], messages: [SocketMessage]) {
        var bytes: [UInt8] = []
        var messages: [SocketMessage] = []
        for _ in 0..<Int.random(in: 1...12, using: &random) {
            let isText = Bool.random(using: &random)
            let length = Int.random(in: 0...(Bool.random(using: &random) ? 40 : 400), using: &random)
            let payload = (0..<length).map { _ in UInt8.random(in: 0...(isText ? 127 : 255), using: &random) }
            let pieces = Int.random(in: 1...3, using: &random)
            var cuts = (1..<pieces).map { _ in Int.random(in: 0...length, using: &random) }.sorted()
            cuts.append(length)
            var start = 0
            for (index, cut) in cuts.enumerated() {
                let mask = (0..<4).map { _ in UInt8.random(in: 0...255, using: &random) }
                let opcode: UInt8 = index > 0 ? 0 : (isText ? 1 : 2)
                bytes += clientFrame(opcode, Array(payload[start..<cut]), fin: index == cuts.count - 1, mask: mask)
                start = cut
                if Int.random(in: 0..<8, using: &random) == 0 { bytes += clientFrame(9, [UInt8(index)], mask: mask) }
            }
            messages.append(isText ? .text(ByteBuffer(bytes: payload)) : .binary(ByteBuffer(bytes: payload)))
        }
        return (bytes, messages)
    }

    /// Feeds a stream in pieces of random lengths.
    private func run(
        _ bytes: [UInt8], _ random: inout SeededGenerator, limit: Int = 1000
    ) -> (messages: [SocketMessage], end: SocketEnd?) {
        var assembler = FrameAssembler(maxMessageSize: limit)
        var messages: [SocketMessage] = []
        var end: SocketEnd?
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = rest.prefix(Int.random(in: 1...max(1, rest.count / 2), using: &random))
            rest = rest.dropFirst(piece.count)
            let outcome = assembler.consume(Array(piece))
            messages += outcome.messages
            if end == nil {
                end = outcome.end
            } else {
                #expect(outcome.messages.isEmpty && outcome.end == nil)
            }
        }
        return (messages, end)
    }

    @Test func splitsNeverChangeTheMessages() {
        var random = SeededGenerator(seed: 20_260_101)
        var count = 0
        for _ in 0..<1500 {
            let (bytes, messages) = validStream(&random)
            let result = run(bytes, &random)
            #expect(result.messages == messages)
            #expect(result.end == nil)
            count += messages.count
        }
        print("frame fuzz: 1500 streams, \(count) messages, random splits")
    }

    @Test func mutatedStreamsEndAlikeHoweverTheyAreSplit() {
        var random = SeededGenerator(seed: 7)
        var refused = 0
        for _ in 0..<4000 {
            var (bytes, _) = validStream(&random)
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            let first = run(bytes, &random, limit: 500)
            let second = run(bytes, &random, limit: 500)
            #expect(first.messages == second.messages)
            #expect(first.end == second.end)
            if case .refused = first.end { refused += 1 }
        }
        print("frame fuzz: 4000 mutated streams, \(refused) refused, none crashed")
    }

    @Test func whateverComesEndsWithACodeThatMayBeSent() {
        var random = SeededGenerator(seed: 1)
        let valid = (0..<50).map { _ in validStream(&random).bytes }
        let accepted = Fuzzing("WebSocket frames").run(valid) { bytes, _ in
            var assembler = FrameAssembler(maxMessageSize: 300)
            let outcome = assembler.consume(ByteBuffer(bytes: bytes))
            guard case .refused(let close) = outcome.end else { return true }
            #expect([1002, 1007, 1009].contains(close.code))
            return false
        }
        #expect(accepted > 0)
    }
}
