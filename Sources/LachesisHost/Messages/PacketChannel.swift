internal import CSandbox
internal import Glibc
internal import LachesisWire

/// The host's end of the connection to one worker: whole messages, never waiting, bounded both ways.
///
/// It takes messages before there is a connection; they go out once one is attached.
final class PacketChannel {
    enum Reception: Equatable {
        case message(WorkerPacketMessage)
        /// A part of a message; there may be more to read.
        case part
        /// Nothing to read now.
        case none
        /// The worker has closed its end, or its process is gone.
        case closed
        /// The worker sent what no worker sends.
        case violation(String)
    }

    private var socket: Descriptor?
    private var assembler: PacketAssembler
    private var outgoing = OutgoingQueue()
    /// Whether the worker can still be sent something.
    private var isWritable = true

    /// The socket's number; nil while none is attached.
    var number: Int32? { socket.number }

    init(receiveLimit: Int = WorkerMessageLimits.fromWorker) { assembler = PacketAssembler(limit: receiveLimit) }

    func attach(_ socket: consuming Descriptor) { self.socket = consume socket }

    /// Closes the connection and lets fall what is waiting.
    func close() {
        socket = nil
        quiet()
    }

    /// Lets fall what is waiting either way, but leaves the connection open: a worker that is about to be killed is not to end in
    /// another way.
    func quiet() {
        isWritable = false
        outgoing.removeAll()
        assembler.reset()
    }

    /// Takes the connection back, to be attached anew; what is waiting stays.
    func detach() { socket = nil }

    /// Queues a message; `flush` sends it. After the worker has gone messages are let fall: its end is about to be
    /// reported.
    /// - Returns: false if too much is waiting already.
    func enqueue(_ kind: WorkerMessageKind, _ payload: [UInt8]) -> Bool {
        isWritable ? outgoing.append(kind, payload) : true
    }

    /// Sends what the socket takes now.
    /// - Parameter count: most packets, so that one worker that reads fast does not keep the others waiting.
    /// - Returns: whether more is waiting.
    func flush(atMost count: Int = 16) throws(HostError) -> Bool {
        guard let number else { return false }
        var isGone = false
        try outgoing.drain(atMost: count) { (header, slice) throws(HostError) -> Bool in
            if lachesis_send_packet(number, header, header.count, slice.baseAddress, slice.count) >= 0 { return true }
            switch errno {
            case EAGAIN, ENOBUFS, ENOMEM: return false
            case EPIPE, ECONNRESET, ENOTCONN:
                isGone = true
                return false
            default: throw .last("sending to a worker")
            }
        }
        if isGone {
            isWritable = false
            outgoing.removeAll()
        }
        return !outgoing.isEmpty
    }

    /// Bytes of the message of which a part has been taken; nil if there is none.
    var bytesUnderWay: Int? { assembler.bytesUnderWay }

    /// Bytes of the message that the next packet begins and does not end. The packet is looked at and not taken; nil if there is no
    /// such packet.
    var announced: Int? {
        guard let number, bytesUnderWay == nil else { return nil }
        var header = [UInt8](repeating: 0, count: PacketFormat.headerBytes)
        let count = lachesis_peek_packet(number, &header, header.count)
        guard count >= header.count else { return nil }
        return assembler.announced(by: header.span.bytes, packetBytes: count)
    }

    /// Reads one packet.
    /// - Parameter buffer: scratch memory of `PacketFormat.packetBytes`, shared by all channels of a thread.
    func receive(_ buffer: inout [UInt8]) -> Reception {
        guard let number else { return .closed }
        while true {
            let count = lachesis_receive_packet(number, &buffer, buffer.count)
            if count == 0 { return .closed }
            if count < 0 {
                switch errno {
                case EAGAIN: return .none
                // A peer that closed before reading everything shows as this once, ahead of the packets it had sent.
                case ECONNRESET: continue
                default: return .closed
                }
            }
            guard count <= buffer.count else { return .violation("a packet of \(count) bytes") }
            do {
                let packet = buffer.span.bytes.extracting(0..<count)
                guard let message = try assembler.take(packet) else { return .part }
                return .message(message)
            } catch {
                return .violation(error.description)
            }
        }
    }
}
