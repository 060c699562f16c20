import NIOCore

@testable import LachesisSocket

/// A frame as a client sends it; `rsv` are the three reserved bits in their place.
func clientFrame(
    _ opcode: UInt8, _ payload: [UInt8] = [], fin: Bool = true, rsv: UInt8 = 0, mask: [UInt8]? = [1, 2, 3, 4]
) -> [UInt8] {
    var bytes: [UInt8] = [(fin ? 0x80 : 0) | rsv | opcode]
    let maskBit: UInt8 = mask == nil ? 0 : 0x80
    switch payload.count {
    case ...125: bytes.append(maskBit | UInt8(payload.count))
    case ...65535: bytes += [maskBit | 126, UInt8(payload.count >> 8), UInt8(payload.count & 255)]
    default:
        bytes.append(maskBit | 127)
        bytes += (0..<8).reversed().map { UInt8(truncatingIfNeeded: payload.count >> ($0 * 8)) }
    }
    guard let mask else { return bytes + payload }
    return bytes + mask + payload.enumerated().map { $1 ^ mask[$0 & 3] }
}

/// A client's close frame.
func clientClose(_ code: UInt16, _ reason: String = "") -> [UInt8] {
    clientFrame(8, [UInt8(code >> 8), UInt8(code & 255)] + Array(reason.utf8))
}

extension FrameAssembler {
    mutating func consume(_ bytes: [UInt8]) -> Outcome {
        consume(ByteBuffer(bytes: bytes))
    }
}

extension SocketMessage {
    var bytes: [UInt8] { Array(payload.readableBytesView) }
}
