import Logging
import NIOCore
import Synchronization

/// Counts a server's open connections, and says now and then that some were refused.
final class ConnectionCount: Sendable {
    /// How often it is said.
    static let rhythm = TimeAmount.seconds(10)

    private struct State {
        var places: ConnectionPlaces
        var refused = 0
        var saidAt: NIODeadline?
    }

    private let state: Mutex<State>

    init(_ configuration: SocketConfiguration) {
        state = Mutex(
            State(
                places: ConnectionPlaces(
                    total: configuration.maxConnections, perPeer: configuration.connectionsPerPeer,
                    countsLoopback: configuration.countsLoopback)))
    }

    /// - Returns: why there is no place for one more; nil if it has one.
    func enter(_ peer: PeerNetwork) -> ConnectionPlaces.Refusal? {
        state.withLock { $0.places.enter(peer) }
    }

    func leave(_ peer: PeerNetwork) { state.withLock { $0.places.leave(peer) } }

    /// - Returns: how many were refused since that was last said; nil if it is too early to say it again.
    func refusalsToTell(at now: NIODeadline) -> Int? {
        state.withLock { state in
            state.refused += 1
            if let saidAt = state.saidAt, now - saidAt < Self.rhythm { return nil }
            defer { (state.refused, state.saidAt) = (0, now) }
            return state.refused
        }
    }
}

/// First in each connection's pipeline: ends the connection at once if there are too many.
///
/// Where there is no TLS, an HTTP response says why. Nothing of what the client sends is read, and the connection does not linger, as
/// whoever opens too many must not hold them by not closing; a client that has much to send may therefore see a reset instead.
final class ConnectionLimit: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let count: ConnectionCount
    private let isPlain: Bool
    private let logger: Logger
    /// Set once a place is taken.
    private var peer: PeerNetwork?

    /// - Parameter isPlain: whether bytes written here are what the client reads.
    init(_ count: ConnectionCount, isPlain: Bool, logger: Logger) {
        (self.count, self.isPlain, self.logger) = (count, isPlain, logger)
    }

    func channelActive(context: ChannelHandlerContext) {
        let network = PeerNetwork(context.remoteAddress)
        // Before TLS, HTTP or anybody else has done anything for it.
        guard let refusal = count.enter(network) else {
            peer = network
            return context.fireChannelActive()
        }
        if let refused = count.refusalsToTell(at: .now()) {
            logger.warning(
                "connections refused",
                metadata: [
                    "count": "\(refused)", "latest": "\(context.remoteAddress?.ipAddress ?? "?")",
                    "reason": "\(refusal.detail)",
                ])
        }
        guard isPlain else { return context.close(promise: nil) }
        let written = context.eventLoop.makePromise(of: Void.self)
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        written.futureResult.whenComplete { _ in bound.value.close(promise: nil) }
        context.writeAndFlush(Self.wrapOutboundOut(ByteBuffer(string: refusal.response)), promise: written)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if peer != nil { context.fireChannelRead(data) }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        if let peer { count.leave(peer) }
        peer = nil
    }
}

extension ConnectionPlaces.Refusal {
    var detail: String {
        switch self {
        case .full: "the server has as many connections as it may; try again"
        case .peerIsFull: "this address has as many connections as it may; close some, or try again"
        }
    }

    /// As bytes, since HTTP's encoder is behind; `Retry-After` in seconds.
    fileprivate var response: String {
        let status = self == .full ? "503 Service Unavailable" : "429 Too Many Requests"
        let body = "{\"detail\":\"\(detail)\"}"
        return "HTTP/1.1 \(status)\r\ncontent-type: application/json\r\ncontent-length: \(body.utf8.count)\r\n"
            + "retry-after: 5\r\nconnection: close\r\n\r\n\(body)"
    }
}
