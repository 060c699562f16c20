internal import LachesisWire

/// One whole message between host and worker.
struct WorkerPacketMessage: Equatable {
    let kind: UInt8
    let payload: [UInt8]
}

/// The form of a packet: `u32` payload length of the whole message, `u8` kind, `u8` 1 in a message's first packet,
/// `u16` zero, then a slice of the payload; little-endian.
enum PacketFormat {
    static let headerBytes = 8
    /// Bytes of the largest packet, header included.
    static let packetBytes = 65_536
    static let sliceBytes = packetBytes - headerBytes

    static func header(total: Int, kind: UInt8, isFirst: Bool) -> [UInt8] {
        var writer = ByteWriter(capacity: headerBytes)
        writer.put(UInt32(total))
        writer.put(kind)
        writer.put(UInt8(isFirst ? 1 : 0))
        writer.put(UInt16(0))
        return writer.bytes
    }
}

/// Puts packets from an untrusted peer together into messages.
///
/// Holds at most one message of at most `limit` bytes, and never reserves memory for bytes that were only announced.
struct PacketAssembler {
    private struct Partial {
        var kind: UInt8
        var total: Int
        var payload: [UInt8]
    }

    private let limit: Int
    private var partial: Partial?

    /// - Parameter limit: bytes of the largest payload that is accepted.
    init(limit: Int) { self.limit = limit }

    /// Bytes of the message that has begun and not ended, announced ones included; nil if there is none.
    var bytesUnderWay: Int? { partial?.total }

    /// Lets what has come of a message fall.
    mutating func reset() { partial = nil }

    /// Bytes of the message that a packet begins and does not end; nil if it does not, or is no packet that `take` would accept.
    /// - Parameters:
    ///   - header: the packet's first bytes.
    ///   - packetBytes: all of it.
    func announced(by header: RawSpan, packetBytes: Int) -> Int? {
        guard partial == nil, packetBytes > PacketFormat.headerBytes else { return nil }
        var reader = ByteReader(header)
        guard let total = try? Int(reader.take(UInt32.self)), total <= limit else { return nil }
        return total > packetBytes - PacketFormat.headerBytes ? total : nil
    }

    /// Takes one packet in.
    /// - Returns: the message that it completes, if it does.
    /// - Throws: `WireError` if it does not fit the protocol; the assembler must not be used again.
    mutating func take(_ packet: RawSpan) throws(WireError) -> WorkerPacketMessage? {
        guard packet.byteCount <= PacketFormat.packetBytes else {
            throw WireError("a packet of \(packet.byteCount) bytes")
        }
        var reader = ByteReader(packet)
        guard packet.byteCount >= PacketFormat.headerBytes else { throw WireError("a packet without a whole header") }
        let total = Int(try reader.take(UInt32.self))
        let kind = try reader.take(UInt8.self)
        let first = try reader.take(UInt8.self)
        guard try reader.take(UInt16.self) == 0, first <= 1 else { throw WireError("a malformed packet header") }
        guard total <= limit else { throw WireError("a message of \(total) bytes; at most \(limit) are allowed") }
        let slice = try reader.takeBytes(reader.remaining)
        var message: Partial
        if let begun = partial {
            guard first == 0 else { throw WireError("a message began before the one before it ended") }
            guard begun.kind == kind, begun.total == total else { throw WireError("a message changed midway") }
            // An empty slice would let a peer keep the receiver busy without end.
            guard !slice.isEmpty else { throw WireError("a packet without content") }
            message = begun
            partial = nil
            message.payload += slice
        } else {
            guard first == 1 else { throw WireError("a message without its beginning") }
            guard !slice.isEmpty || total == 0 else { throw WireError("a packet without content") }
            message = Partial(kind: kind, total: total, payload: slice)
        }
        guard message.payload.count <= total else { throw WireError("more bytes than the message announced") }
        if message.payload.count == total { return WorkerPacketMessage(kind: kind, payload: message.payload) }
        partial = message
        return nil
    }
}
