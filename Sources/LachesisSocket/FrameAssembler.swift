import NIOCore

/// Turns a client's bytes into messages by the rules of RFC 6455; a pure state machine, without sockets or clocks.
///
/// It parses frames itself, since NIO's decoder and aggregator leave masks, reserved bits, UTF-8 and unfragmented sizes unchecked, and
/// make one value per frame where a fast stream needs one per read.
struct FrameAssembler {
    /// What one read brought.
    struct Outcome {
        /// Whole messages, in order; all of them came before `end`.
        var messages: [SocketMessage] = []
        /// Payload of the last ping: RFC 6455 section 5.5.3 lets an endpoint answer only that one.
        var ping: ByteBuffer?
        /// Set once; whatever comes afterwards is dropped.
        var end: SocketEnd?
    }

    private struct Frame {
        var header: FrameHeader
        /// Where the payload starts, in bytes from the reader index.
        var payloadOffset: Int
    }

    /// Payload bytes of one message, at most.
    private let maxMessageSize: Int
    /// Bytes of a frame whose rest has not come; bounded by the message limit plus one read.
    private(set) var pending = ByteBuffer()
    /// Kind and bytes of a message whose last frame has not come.
    private var fragments: (opcode: FrameHeader.Opcode, bytes: ByteBuffer)?
    private var hasEnded = false

    init(maxMessageSize: Int) {
        self.maxMessageSize = maxMessageSize
    }

    /// Takes what was read and gives what it completed; never fails, whatever the bytes.
    mutating func consume(_ bytes: ByteBuffer) -> Outcome {
        var outcome = Outcome()
        guard !hasEnded else { return outcome }
        if pending.readableBytes == 0 {
            pending = bytes
        } else {
            pending.writeImmutableBuffer(bytes)
        }

        var consumed = 0
        let (frames, violation) = unmaskWholeFrames()
        outcome.messages.reserveCapacity(frames.count)
        for frame in frames {
            consumed = frame.payloadOffset + frame.header.payloadLength
            guard
                let payload = pending.getSlice(
                    at: pending.readerIndex + frame.payloadOffset, length: frame.header.payloadLength)
            else { break }
            if let end = take(frame.header, payload, into: &outcome) {
                return finish(outcome, end)
            }
        }
        if let violation {
            return finish(outcome, .refused(violation))
        }
        if consumed > 0 {
            pending.moveReaderIndex(forwardBy: consumed)
            // In memory of its own: what was read is the messages', and to add to it would copy it, into twice the room each time.
            pending = ByteBuffer(bytes: pending.readableBytesView)
        }
        return outcome
    }

    /// Unmasks every frame that is there as a whole. All are unmasked before any is sliced: a slice shares the memory, and writing to
    /// shared memory would copy the whole read once a message.
    private mutating func unmaskWholeFrames() -> ([Frame], SocketClose?) {
        let limit = maxMessageSize
        return pending.withUnsafeMutableReadableBytes { bytes in
            var frames: [Frame] = []
            var offset = 0
            while true {
                let header: FrameHeader
                switch FrameHeader.parse(UnsafeRawBufferPointer(rebasing: bytes[offset...])) {
                case .incomplete: return (frames, nil)
                case .violation(let close): return (frames, close)
                case .header(let parsed): header = parsed
                }
                guard header.opcode.isControl || header.payloadLength <= limit else {
                    return (frames, .tooLarge(limit: limit))
                }
                let start = offset + header.length
                guard bytes.count - start >= header.payloadLength else { return (frames, nil) }
                let payload = bytes[start..<start + header.payloadLength]
                FrameHeader.unmask(UnsafeMutableRawBufferPointer(rebasing: payload), with: header.mask)
                frames.append(Frame(header: header, payloadOffset: start))
                offset = start + header.payloadLength
            }
        }
    }

    /// Acts on one frame; gives the end if this frame is it.
    private mutating func take(_ header: FrameHeader, _ payload: ByteBuffer, into outcome: inout Outcome) -> SocketEnd?
    {
        switch header.opcode {
        case .ping:
            outcome.ping = payload
        case .pong:
            break
        case .close:
            return Self.end(ofCloseFrame: payload)
        case .text, .binary:
            guard fragments == nil else {
                return .refused(.protocolError("a message begins before the fragmented one has ended"))
            }
            guard header.isFinal else {
                fragments = (header.opcode, payload)
                return nil
            }
            return deliver(header.opcode, payload, into: &outcome)
        case .continuation:
            guard var message = fragments else {
                return .refused(.protocolError("a continuation frame continues nothing"))
            }
            guard message.bytes.readableBytes + payload.readableBytes <= maxMessageSize else {
                return .refused(.tooLarge(limit: maxMessageSize))
            }
            fragments = nil  // so that the bytes have one owner and appending does not copy them
            message.bytes.writeImmutableBuffer(payload)
            guard header.isFinal else {
                fragments = message
                return nil
            }
            return deliver(message.opcode, message.bytes, into: &outcome)
        }
        return nil
    }

    private func deliver(_ opcode: FrameHeader.Opcode, _ payload: ByteBuffer, into outcome: inout Outcome) -> SocketEnd?
    {
        if opcode == .text {
            guard String(validating: payload.readableBytesView, as: UTF8.self) != nil else {
                return .refused(.invalidText("a text message is not UTF-8"))
            }
            outcome.messages.append(.text(payload))
        } else {
            outcome.messages.append(.binary(payload))
        }
        return nil
    }

    private static func end(ofCloseFrame payload: ByteBuffer) -> SocketEnd {
        var payload = payload
        guard payload.readableBytes > 0 else { return .closed(nil) }
        guard let code = payload.readInteger(as: UInt16.self) else {
            return .refused(.protocolError("a close frame's payload is one byte long"))
        }
        guard SocketClose.mayBeReceived(code) else {
            return .refused(.protocolError("the close code \(code) may not be sent"))
        }
        guard let reason = String(validating: payload.readableBytesView, as: UTF8.self) else {
            return .refused(.invalidText("a close frame's reason is not UTF-8"))
        }
        return .closed(SocketClose(code: code, reason: reason))
    }

    private mutating func finish(_ outcome: Outcome, _ end: SocketEnd) -> Outcome {
        var outcome = outcome
        outcome.end = end
        hasEnded = true
        pending = ByteBuffer()
        fragments = nil
        return outcome
    }
}
