import CSandbox
import Glibc
import LachesisWire
import TestSupport
import Testing

@testable import LachesisHost

@Suite struct PacketChannelTests {
    /// Two connected sockets: the host's, the worker's.
    private func sockets() throws -> (near: Int32, far: Int32) {
        var ends: [Int32] = [-1, -1]
        guard lachesis_socket_pair(&ends) == 0 else { throw HostError.last("socketpair") }
        return (ends[0], ends[1])
    }

    /// Reads packets as a worker does, until `count` messages are whole.
    private func receive(_ count: Int, from socket: Int32, pumping channel: PacketChannel) throws
        -> [WorkerPacketMessage]
    {
        var assembler = PacketAssembler(limit: WorkerMessageLimits.toWorker)
        var messages: [WorkerPacketMessage] = []
        var buffer = [UInt8](repeating: 0, count: PacketFormat.packetBytes)
        while messages.count < count {
            _ = try channel.flush()
            let read = lachesis_receive_packet(socket, &buffer, buffer.count)
            guard read > 0 else { throw HostError(.system, "nothing to read") }
            if let message = try assembler.take(buffer.span.bytes.extracting(0..<read)) { messages.append(message) }
        }
        return messages
    }

    @Test(arguments: 0..<8)
    func messagesOfAnySizeArriveInOrderThroughASocketThatIsOftenFull(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed))
        let pair = try sockets()
        let peer = Descriptor(owning: pair.far)
        let channel = PacketChannel()
        var sent: [WorkerPacketMessage] = []
        for index in 0..<60 {
            let size = [0, 1, 65_527, 65_528, 65_529, 131_056, Int.random(in: 0...500_000, using: &random)]
                .randomElement(using: &random)
            let payload = [UInt8](repeating: UInt8(index), count: size ?? 0)
            let kind = [WorkerMessageKind.file, .build, .batch].randomElement(using: &random) ?? .file
            #expect(channel.enqueue(kind, payload) == true)
            sent.append(WorkerPacketMessage(kind: kind.rawValue, payload: payload))
        }
        channel.attach(Descriptor(owning: pair.near))
        #expect(try receive(60, from: peer.number, pumping: channel) == sent)
    }

    @Test func whatAWorkerSaidBeforeItEndedIsReadThoughItLeftMessagesUnread() throws {
        let pair = try sockets()
        let channel = PacketChannel()
        channel.attach(Descriptor(owning: pair.near))
        #expect(channel.enqueue(.file, [1, 2, 3]) == true)
        #expect(try channel.flush() == false)
        do {
            let peer = Descriptor(owning: pair.far)
            let header = PacketFormat.header(total: 2, kind: 130, isFirst: true)
            #expect(lachesis_send_packet(peer.number, header, header.count, [7, 8] as [UInt8], 2) == 10)
        }
        var buffer = [UInt8](repeating: 0, count: PacketFormat.packetBytes)
        #expect(channel.receive(&buffer) == .message(WorkerPacketMessage(kind: 130, payload: [7, 8])))
        #expect(channel.receive(&buffer) == .closed)
        // Sending to one that is gone is no error, and nothing piles up.
        for _ in 0..<3 {
            #expect(channel.enqueue(.file, [UInt8](repeating: 0, count: OutgoingQueue.defaultLimit / 2)) == true)
            #expect(try channel.flush() == false)
        }
    }

    @Test func garbageIsAViolation() throws {
        let pair = try sockets()
        let peer = Descriptor(owning: pair.far)
        let channel = PacketChannel()
        channel.attach(Descriptor(owning: pair.near))
        var buffer = [UInt8](repeating: 0, count: PacketFormat.packetBytes)
        #expect(channel.receive(&buffer) == .none)
        #expect(lachesis_send_packet(peer.number, [1, 2, 3] as [UInt8], 3, nil, 0) == 3)
        #expect(channel.receive(&buffer) == .violation("a packet without a whole header"))
        let large = [UInt8](repeating: 0, count: 65_537)
        #expect(lachesis_send_packet(peer.number, large, large.count, nil, 0) == 65_537)
        #expect(channel.receive(&buffer) == .violation("a packet of 65537 bytes"))
    }

    @Test func aQueueRefusesWhatGoesBeyondItsBoundAndTakesMoreOnceItHasDrained() throws {
        var queue = OutgoingQueue(limit: 100)
        #expect(queue.append(.file, [UInt8](repeating: 1, count: 60)) == true)
        #expect(queue.append(.file, [UInt8](repeating: 1, count: 41)) == false)
        #expect(queue.append(.file, [UInt8](repeating: 1, count: 40)) == true)
        var taken = 0
        try queue.drain(atMost: 1) { _, slice in
            taken += slice.count
            return true
        }
        #expect(taken == 60)
        #expect(queue.append(.file, [UInt8](repeating: 1, count: 60)) == true)
        #expect(queue.waitingBytes == 100)
    }
}
