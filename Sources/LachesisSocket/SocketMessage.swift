package import NIOCore

/// One whole message of a peer, unmasked and put together from its frames.
package enum SocketMessage: Sendable, Equatable {
    /// Bytes of a binary message; a slice of what was read, so it keeps that read's memory alive (at most 64 KiB or the message).
    case binary(ByteBuffer)
    /// Bytes of a text message, already known to be UTF-8.
    case text(ByteBuffer)

    /// The message's bytes, whatever its kind.
    package var payload: ByteBuffer {
        switch self {
        case .binary(let bytes), .text(let bytes): bytes
        }
    }
}
