internal import CZeroMQ
internal import Glibc

/// One ZeroMQ socket. It belongs to one thread at a time, and moves to another only where that is the first thing which that does.
package final class MessageSocket {
    /// Bytes of the largest message that is received; a peer that sends more is disconnected.
    package static let maximumMessageBytes = 128 << 20

    let context: UnsafeMutableRawPointer
    private let socket: UnsafeMutableRawPointer
    private let isRouter: Bool

    /// A DEALER that talks to the one ROUTER at `endpoint`.
    package static func dealer(connecting endpoint: String) throws(MessagingError) -> MessageSocket {
        let dealer = try MessageSocket(type: ZMQ_DEALER)
        guard zmq_connect(dealer.socket, endpoint) == 0 else { throw .last("connecting to \(endpoint)") }
        return dealer
    }

    /// A ROUTER that all dealers connect to; what it sends to an unknown peer is reported, never dropped in silence.
    package static func router(binding endpoint: String) throws(MessagingError) -> MessageSocket {
        let router = try MessageSocket(type: ZMQ_ROUTER)
        try router.set(ZMQ_ROUTER_MANDATORY, 1)
        guard zmq_bind(router.socket, endpoint) == 0 else { throw .last("binding \(endpoint)") }
        return router
    }

    private init(type: Int32) throws(MessagingError) {
        guard let context = zmq_ctx_new() else { throw .last("zmq_ctx_new") }
        guard let socket = zmq_socket(context, type) else {
            let error = MessagingError.last("zmq_socket")
            zmq_ctx_term(context)
            throw error
        }
        (self.context, self.socket, isRouter) = (context, socket, type == ZMQ_ROUTER)
        try set(ZMQ_LINGER, 0)
        // Unbounded here, because the fleet bounds what is under way: at most two batches a worker and two registrations at a time.
        try set(ZMQ_SNDHWM, 0)
        try set(ZMQ_RCVHWM, 0)
        var limit = Int64(Self.maximumMessageBytes)
        guard zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &limit, MemoryLayout<Int64>.size) == 0 else {
            throw .last("ZMQ_MAXMSGSIZE")
        }
    }

    deinit {
        zmq_close(socket)
        zmq_ctx_term(context)
    }

    /// Takes the next message without waiting.
    /// - Returns: the peer's identity (empty on a dealer) and the message; nil if there is none now.
    package func receive() throws(MessagingError) -> (peer: [UInt8], message: [UInt8])? {
        guard var parts = try receiveParts() else { return nil }
        guard parts.count == (isRouter ? 2 : 1) else { return try receive() }
        let message = parts.removeLast()
        return (parts.first ?? [], message)
    }

    /// Sends without waiting.
    /// - Parameter peer: who receives it, on a router; empty on a dealer.
    /// - Returns: false if the peer is not (or no longer) connected.
    package func send(_ message: [UInt8], to peer: [UInt8] = []) throws(MessagingError) -> Bool {
        if isRouter {
            guard try sendPart(peer, flags: ZMQ_DONTWAIT | ZMQ_SNDMORE) else { return false }
        }
        return try sendPart(message, flags: ZMQ_DONTWAIT)
    }

    /// Waits until this socket or one of the descriptors has something to read.
    /// - Parameter timeout: nil waits for ever.
    /// - Returns: whether this socket has a message, and for each descriptor whether it is readable or closed.
    package func wait(reading descriptors: [Int32], timeout: Duration?) throws(MessagingError) -> (
        message: Bool, ready: [Bool]
    ) {
        var items = [zmq_pollitem_t(socket: socket, fd: 0, events: Int16(ZMQ_POLLIN), revents: 0)]
        items += descriptors.map { zmq_pollitem_t(socket: nil, fd: $0, events: Int16(ZMQ_POLLIN), revents: 0) }
        let milliseconds = timeout.map { max(0, Int(($0 / .milliseconds(1)).rounded(.up))) } ?? -1
        guard zmq_poll(&items, Int32(items.count), milliseconds) >= 0 else {
            if zmq_errno() == EINTR { return (false, descriptors.map { _ in false }) }
            throw .last("zmq_poll")
        }
        return (items[0].revents != 0, items.dropFirst().map { $0.revents != 0 })
    }

    private func set(_ option: Int32, _ value: Int32) throws(MessagingError) {
        var value = value
        guard zmq_setsockopt(socket, option, &value, MemoryLayout<Int32>.size) == 0 else {
            throw .last("zmq_setsockopt \(option)")
        }
    }

    private func receiveParts() throws(MessagingError) -> [[UInt8]]? {
        var parts: [[UInt8]] = []
        while true {
            var message = zmq_msg_t()
            zmq_msg_init(&message)
            defer { zmq_msg_close(&message) }
            guard zmq_msg_recv(&message, socket, ZMQ_DONTWAIT) >= 0 else {
                if zmq_errno() == EAGAIN || zmq_errno() == EINTR { return nil }
                throw .last("zmq_msg_recv")
            }
            parts.append(Array(UnsafeRawBufferPointer(start: zmq_msg_data(&message), count: zmq_msg_size(&message))))
            if zmq_msg_more(&message) == 0 { return parts }
        }
    }

    private func sendPart(_ bytes: [UInt8], flags: Int32) throws(MessagingError) -> Bool {
        while true {
            if bytes.withUnsafeBytes({ zmq_send(socket, $0.baseAddress, $0.count, flags) }) >= 0 { return true }
            switch zmq_errno() {
            case EINTR: continue
            case EHOSTUNREACH, EAGAIN: return false
            default: throw .last("zmq_send")
            }
        }
    }
}
