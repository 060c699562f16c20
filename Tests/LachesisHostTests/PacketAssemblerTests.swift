import LachesisWire
import TestSupport
import Testing

@testable import LachesisHost

@Suite struct PacketAssemblerTests {
    private func take(_ packets: [[UInt8]], limit: Int = 200_000) throws -> [WorkerPacketMessage] {
        var assembler = PacketAssembler(limit: limit)
        return try packets.compactMap { try assembler.take($0.span.bytes) }
    }

    private func packet(_ total: Int, _ kind: UInt8, first: Bool, _ slice: [UInt8] = []) -> [UInt8] {
        PacketFormat.header(total: total, kind: kind, isFirst: first) + slice
    }

    @Test func aHeaderIsTheDocumentedEightBytes() {
        #expect(PacketFormat.header(total: 0x0102_0304, kind: 131, isFirst: true) == [4, 3, 2, 1, 131, 1, 0, 0])
    }

    @Test func oneOrSeveralPacketsMakeAMessage() throws {
        let messages = try take([
            packet(3, 129, first: true, [1, 2, 3]), packet(0, 130, first: true),
            packet(4, 131, first: true, [1, 2]), packet(4, 131, first: false, [3]), packet(4, 131, first: false, [4]),
        ])
        #expect(
            messages == [
                WorkerPacketMessage(kind: 129, payload: [1, 2, 3]), WorkerPacketMessage(kind: 130, payload: []),
                WorkerPacketMessage(kind: 131, payload: [1, 2, 3, 4]),
            ])
    }

    @Test func whatBreaksTheProtocolIsRefused() {
        let whole = packet(2, 129, first: true, [1, 2])
        let begun = packet(4, 129, first: true, [1, 2])
        let wrong: [[[UInt8]]] = [
            [[]], [Array(whole.prefix(7))],
            // Longer than the limit, or than announced.
            [packet(200_001, 129, first: true, [1])], [packet(1, 129, first: true, [1, 2])],
            [begun, packet(4, 129, first: false, [1, 2, 3])],
            // Kind or length changes; a beginning is missing or comes twice.
            [begun, packet(4, 130, first: false, [1])], [begun, packet(5, 129, first: false, [1])],
            [packet(2, 129, first: false, [1, 2])], [begun, whole],
            // Nothing that would ever end.
            [packet(4, 129, first: true)], [begun, packet(4, 129, first: false)],
            // Bits that mean nothing.
            [[2, 0, 0, 0, 129, 2, 0, 0, 1, 2]], [[2, 0, 0, 0, 129, 1, 1, 0, 1, 2]],
            [packet(65_529, 129, first: true, [UInt8](repeating: 0, count: 65_529))],
        ]
        for packets in wrong { #expect(throws: WireError.self) { _ = try take(packets) } }
    }

    @Test func whatAPacketAnnouncesCanBeToldWithoutTakingIt() throws {
        var assembler = PacketAssembler(limit: 100)
        func announced(_ packet: [UInt8]) -> Int? {
            let header = Array(packet.prefix(8))
            return assembler.announced(by: header.span.bytes, packetBytes: packet.count)
        }
        let first = packet(4, 131, first: true, [1, 2])
        #expect(announced(first) == 4)
        #expect(announced(packet(2, 131, first: true, [1, 2])) == nil, "it is whole")
        #expect(announced(packet(101, 131, first: true, [1])) == nil, "it is refused when it is taken")
        #expect(announced(packet(4, 131, first: true)) == nil)
        #expect(try assembler.take(first.span.bytes) == nil)
        #expect(assembler.bytesUnderWay == 4)
        #expect(announced(first) == nil, "a message is under way")
        assembler.reset()
        #expect(assembler.bytesUnderWay == nil)
    }

    @Test(arguments: 0..<40)
    func anyBytesAreAMessageOrRefusedAndMemoryStaysBounded(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        var assembler = PacketAssembler(limit: 1000)
        for _ in 0..<2000 {
            // Half of the time a plausible header.
            var bytes = random.bytes(Int.random(in: 0...64, using: &random))
            if Bool.random(using: &random) {
                let total = Int.random(in: 0...1100, using: &random)
                bytes = packet(
                    total, UInt8.random(in: 128...132, using: &random), first: Bool.random(using: &random), bytes)
            }
            do {
                if let message = try assembler.take(bytes.span.bytes) { #expect(message.payload.count <= 1000) }
            } catch {
                assembler = PacketAssembler(limit: 1000)
            }
        }
    }
}
