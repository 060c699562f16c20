/// The first bytes of a frame, checked against the rules of RFC 6455 section 5.2 for frames that a client sends.
struct FrameHeader: Equatable {
    enum Opcode: UInt8 {
        case continuation = 0x0
        case text = 0x1
        case binary = 0x2
        case close = 0x8
        case ping = 0x9
        case pong = 0xA

        var isControl: Bool { rawValue >= 0x8 }
    }

    enum Parsed: Equatable {
        /// More bytes are needed to know.
        case incomplete
        case header(FrameHeader)
        /// The peer broke a rule.
        case violation(SocketClose)
    }

    var opcode: Opcode
    /// Whether this frame is its message's last.
    var isFinal: Bool
    /// Bytes of payload after the header, at most `Int.max`.
    var payloadLength: Int
    /// The four key bytes as they lie in memory.
    var mask: UInt32
    /// Bytes of the header itself, key included: 6, 8 or 14.
    var length: Int

    /// Reads a header from the front of `bytes`; refuses as early as the bytes allow.
    static func parse(_ bytes: UnsafeRawBufferPointer) -> Parsed {
        guard bytes.count >= 2 else { return .incomplete }
        let first = bytes[0]
        let second = bytes[1]
        guard first & 0x70 == 0 else { return violation("a reserved bit is set, but no extension was agreed on") }
        guard let opcode = Opcode(rawValue: first & 0x0F) else { return violation("a frame's opcode is unknown") }
        guard second & 0x80 != 0 else { return violation("a frame is not masked") }
        let isFinal = first & 0x80 != 0
        let short = Int(second & 0x7F)
        if opcode.isControl {
            guard isFinal else { return violation("a control frame is fragmented") }
            guard short <= 125 else { return violation("a control frame is longer than 125 bytes") }
        }
        let lengthBytes = short < 126 ? 0 : (short == 126 ? 2 : 8)
        let headerLength = 2 + lengthBytes + 4
        guard bytes.count >= headerLength else { return .incomplete }

        var payloadLength = UInt64(short)
        if lengthBytes > 0 {
            payloadLength = 0
            for index in 2..<2 + lengthBytes { payloadLength = payloadLength << 8 | UInt64(bytes[index]) }
            guard payloadLength <= UInt64(Int.max) else { return violation("a frame's length has its highest bit set") }
            guard payloadLength > (lengthBytes == 2 ? 125 : UInt64(UInt16.max)) else {
                return violation("a frame's length is not written in the fewest bytes")
            }
        }
        let mask = bytes.loadUnaligned(fromByteOffset: headerLength - 4, as: UInt32.self)
        return .header(
            FrameHeader(
                opcode: opcode, isFinal: isFinal, payloadLength: Int(payloadLength), mask: mask, length: headerLength))
    }

    /// Removes (or puts on) a mask in place; `bytes` starts where the payload starts.
    static func unmask(_ bytes: UnsafeMutableRawBufferPointer, with mask: UInt32) {
        guard mask != 0 else { return }
        let wide = UInt64(mask) << 32 | UInt64(mask)
        var index = 0
        while index + 8 <= bytes.count {
            let value = bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            bytes.storeBytes(of: value ^ wide, toByteOffset: index, as: UInt64.self)
            index += 8
        }
        withUnsafeBytes(of: mask) { key in
            while index < bytes.count {
                bytes[index] ^= key[index & 3]
                index += 1
            }
        }
    }

    private static func violation(_ reason: String) -> Parsed { .violation(.protocolError(reason)) }
}
