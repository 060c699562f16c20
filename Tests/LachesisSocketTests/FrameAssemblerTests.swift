import NIOCore
import Testing

@testable import LachesisSocket

@Suite struct FrameAssemblerTests {
    private func assemble(_ bytes: [UInt8], limit: Int = 1000) -> FrameAssembler.Outcome {
        var assembler = FrameAssembler(maxMessageSize: limit)
        return assembler.consume(bytes)
    }

    private func refusalCode(_ bytes: [UInt8], limit: Int = 1000) -> UInt16? {
        guard case .refused(let close) = assemble(bytes, limit: limit).end else { return nil }
        return close.code
    }

    /// Each read ends within a frame, of which nothing else is kept.
    @Test func whatIsKeptOfReadsDoesNotGrow() {
        var assembler = FrameAssembler(maxMessageSize: 1_000)
        let frames = (0..<2_000).flatMap { _ in clientFrame(2, Array(repeating: 7, count: 600)) }
        var messages = 0
        for start in stride(from: 0, to: frames.count, by: 65_521) {
            messages += assembler.consume(Array(frames[start..<min(start + 65_521, frames.count)])).messages.count
            #expect(assembler.pending.storageCapacity <= 1_024)
        }
        #expect(messages == 2_000)
    }

    @Test func severalFramesOfOneReadBecomeOneBurst() {
        let outcome = assemble(clientFrame(2, [1, 2, 3]) + clientFrame(1, Array("ä".utf8)) + clientFrame(2))
        #expect(
            outcome.messages == [
                .binary(ByteBuffer(bytes: [1, 2, 3])), .text(ByteBuffer(string: "ä")), .binary(ByteBuffer()),
            ])
        #expect(outcome.end == nil)
    }

    @Test(arguments: [0, 1, 7, 8, 9, 125, 126, 127, 1000, 65535, 65536, 70000])
    func everyLengthIsUnmaskedRight(length: Int) {
        let payload = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let outcome = assemble(clientFrame(2, payload, mask: [0xDE, 0xAD, 0xBE, 0xEF]), limit: 70000)
        #expect(outcome.messages.map(\.bytes) == [payload])
    }

    @Test func byteByByteGivesTheSame() {
        var assembler = FrameAssembler(maxMessageSize: 1000)
        var messages: [SocketMessage] = []
        let stream = clientFrame(2, Array(repeating: 7, count: 300)) + clientFrame(1, Array("hello".utf8))
        for byte in stream { messages += assembler.consume([byte]).messages }
        #expect(messages.map(\.bytes) == [Array(repeating: 7, count: 300), Array("hello".utf8)])
    }

    @Test func fragmentsAreJoinedAroundAPing() {
        let outcome = assemble(
            clientFrame(1, [0xE2, 0x82], fin: false) + clientFrame(9, [42]) + clientFrame(0, fin: false)
                + clientFrame(0, [0xAC]))
        #expect(outcome.messages == [.text(ByteBuffer(string: "€"))])
        #expect(outcome.ping == ByteBuffer(bytes: [42]))
        #expect(outcome.end == nil)
    }

    @Test func onlyTheLastPingIsAnsweredAndPongsAreNot() {
        let outcome = assemble(clientFrame(9, [1]) + clientFrame(9, [2]) + clientFrame(10, [3]))
        #expect(outcome.ping == ByteBuffer(bytes: [2]))
        #expect(outcome.messages.isEmpty)
    }

    @Test func closeFrameEndsTheStreamAfterWhatCameBefore() {
        var assembler = FrameAssembler(maxMessageSize: 10)
        let outcome = assembler.consume(clientFrame(2, [1]) + clientClose(1000, "bye") + clientFrame(2, [2]))
        #expect(outcome.messages.count == 1)
        #expect(outcome.end == .closed(SocketClose(code: 1000, reason: "bye")))
        let later = assembler.consume(clientFrame(2, [3]))
        #expect(later.messages.isEmpty && later.end == nil)
        #expect(assemble(clientFrame(8)).end == .closed(nil))
    }

    @Test func protocolViolationsAre1002() {
        let cases: [[UInt8]] = [
            clientFrame(2, [1], mask: nil),
            clientFrame(2, [1], rsv: 0x40), clientFrame(2, [1], rsv: 0x20), clientFrame(2, [1], rsv: 0x10),
            clientFrame(3), clientFrame(7), clientFrame(11), clientFrame(15),
            clientFrame(9, fin: false), clientFrame(8, fin: false),
            clientFrame(9, Array(repeating: 0, count: 126)),
            clientFrame(0, [1]),
            clientFrame(2, [1], fin: false) + clientFrame(2, [1]),
            clientFrame(8, [3]),
            clientClose(999), clientClose(1004), clientClose(1005), clientClose(1006), clientClose(1015),
            clientClose(2999), clientClose(5000),
            [0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4],  // a length with its highest bit set
            [0x82, 0xFE, 0, 125, 1, 2, 3, 4],  // a length in more bytes than it needs
            [0x82, 0xFF, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3, 4],
        ]
        for bytes in cases { #expect(refusalCode(bytes) == 1002, "\(bytes.prefix(16))") }
    }

    @Test func invalidTextIs1007AndTheMessagesBeforeItStay() {
        let outcome = assemble(clientFrame(2, [1]) + clientFrame(1, [0xC0, 0xAF]))
        #expect(outcome.messages.count == 1)
        guard case .refused(let close) = outcome.end else {
            Issue.record("not refused")
            return
        }
        #expect(close.code == 1007)
        #expect(refusalCode(clientFrame(8, [3, 232, 0xFF])) == 1007)
        #expect(refusalCode(clientFrame(1, [0xED, 0xA0, 0x80])) == 1007)
    }

    @Test func tooLargeIs1009BeforeThePayloadHasCome() {
        #expect(refusalCode(Array(clientFrame(2, Array(repeating: 0, count: 1001)).prefix(8))) == 1009)
        #expect(refusalCode(clientFrame(2, Array(repeating: 0, count: 1000))) == nil)
        let half = clientFrame(2, Array(repeating: 0, count: 600), fin: false)
        #expect(refusalCode(half + clientFrame(0, Array(repeating: 0, count: 401))) == 1009)
        #expect(refusalCode([0x82, 0xFF, 0x7F, 255, 255, 255, 255, 255, 255, 255, 1, 2, 3, 4]) == 1009)
    }

    @Test func violationIsFoundInTheFirstBytes() {
        #expect(refusalCode([0x83, 0x80]) == 1002)
        #expect(refusalCode([0x82, 0x05]) == 1002)
    }

    @Test func closeReasonIsCutAtACharacter() {
        let frame = OutboundFrame.close(SocketClose(code: 1008, reason: String(repeating: "é", count: 100)))
        #expect(frame.payload.readableBytes == 124)
        #expect(Array(frame.payload.readableBytesView.suffix(2)) == Array("é".utf8))
    }

    @Test func headersOfOutboundFramesHaveTheShortestLength() {
        func header(_ count: Int) -> [UInt8] {
            let frame = OutboundFrame(opcode: .binary, payload: ByteBuffer(repeating: 0, count: count))
            return Array(frame.header().readableBytesView)
        }
        #expect(header(125) == [0x82, 125])
        #expect(header(126) == [0x82, 126, 0, 126])
        #expect(header(65535) == [0x82, 126, 255, 255])
        #expect(header(65536) == [0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0])
    }
}
