import NIOCore

/// A frame on its way to the peer; servers send them whole and unmasked.
struct OutboundFrame: Sendable {
    var opcode: FrameHeader.Opcode
    var payload: ByteBuffer

    /// The header's bytes: 2, 4 or 10.
    func header() -> ByteBuffer {
        var bytes = ByteBuffer()
        bytes.reserveCapacity(10)
        bytes.writeInteger(0x80 | opcode.rawValue)
        switch payload.readableBytes {
        case ...125:
            bytes.writeInteger(UInt8(payload.readableBytes))
        case ...Int(UInt16.max):
            bytes.writeInteger(UInt8(126))
            bytes.writeInteger(UInt16(payload.readableBytes))
        default:
            bytes.writeInteger(UInt8(127))
            bytes.writeInteger(UInt64(payload.readableBytes))
        }
        return bytes
    }

    /// A close frame, its reason cut to what a control frame holds.
    static func close(_ close: SocketClose) -> OutboundFrame {
        var payload = ByteBuffer(integer: close.code)
        for character in close.reason {
            let bytes = character.utf8
            guard payload.readableBytes + bytes.count <= 125 else { break }
            payload.writeBytes(bytes)
        }
        return OutboundFrame(opcode: .close, payload: payload)
    }
}
