import NIOCore
import Synchronization

/// Counts a server's open connections.
final class ConnectionCount: Sendable {
    private let open = Atomic(0)

    /// Adds one, unless there are `limit` already.
    func enter(limit: Int) -> Bool {
        guard open.add(1, ordering: .relaxed).newValue > limit else { return true }
        leave()
        return false
    }

    func leave() { open.subtract(1, ordering: .relaxed) }
}

/// First in each connection's pipeline: closes the connection at once if there are too many.
final class ConnectionLimit: ChannelInboundHandler {
    typealias InboundIn = NIOAny
    typealias InboundOut = NIOAny

    private let count: ConnectionCount
    private let limit: Int
    private var isCounted = false

    init(_ count: ConnectionCount, limit: Int) { (self.count, self.limit) = (count, limit) }

    func channelActive(context: ChannelHandlerContext) {
        isCounted = count.enter(limit: limit)
        // Before TLS, HTTP or anybody else has done anything for it.
        guard isCounted else { return context.close(promise: nil) }
        context.fireChannelActive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        if isCounted { count.leave() }
        isCounted = false
    }
}
