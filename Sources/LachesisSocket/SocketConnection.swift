package import NIOCore
import Synchronization

/// An open WebSocket in the hands of its handler; it lives as long as the handler runs.
package struct SocketConnection: Sendable {
    /// The request that opened it.
    package let request: SocketRequest
    /// The subprotocol agreed on.
    package let subprotocol: String?
    /// The peer's messages in the order they came, as many at a time as have gathered; for one task.
    ///
    /// The sequence ends when the peer closes, breaks a rule, is lost or silent, or the server has shut down; ``end`` then tells which.
    /// It throws nothing. Everything that came whole before the end is delivered first. While it is not read, the socket is not either
    /// (beyond ``SocketConfiguration/inboundHighWater``).
    package var bursts: SocketBursts { SocketBursts(queue: queue) }
    /// How the messages ended; nil before.
    package var end: SocketEnd? { queue.end }

    let channel: any Channel
    let queue: InboundQueue
    let choice = CloseChoice()

    /// Sends a binary message; returns once the system has taken it, so a peer that does not read suspends the sender.
    ///
    /// Allowed until the handler returns, also after the peer's close frame. Throws ``SocketError/closed`` when nothing can be sent any more.
    package func send(binary bytes: ByteBuffer) async throws(SocketError) {
        try await send(OutboundFrame(opcode: .binary, payload: bytes))
    }

    /// Sends a text message; as ``send(binary:)``.
    package func send(text: String) async throws(SocketError) {
        try await send(OutboundFrame(opcode: .text, payload: ByteBuffer(string: text)))
    }

    /// Chooses what the close frame will say and ends ``bursts``, dropping what is pending; the frame goes out when the handler returns.
    ///
    /// The first choice counts. Without one the frame echoes the peer's code, names the rule it broke, or says 1000.
    package func close(_ close: SocketClose) {
        choice.set(close)
        queue.finish(.abandoned)
    }

    private func send(_ frame: OutboundFrame) async throws(SocketError) {
        do {
            try await channel.writeAndFlush(frame)
        } catch {
            throw .closed
        }
    }
}

/// A connection's messages as an asynchronous sequence of bursts, none of them empty.
package struct SocketBursts: AsyncSequence, Sendable {
    let queue: InboundQueue

    package struct Iterator: AsyncIteratorProtocol {
        let queue: InboundQueue

        package mutating func next() async -> [SocketMessage]? {
            await queue.next(isolation: nil)
        }

        package mutating func next(isolation actor: isolated (any Actor)?) async -> [SocketMessage]? {
            await queue.next(isolation: actor)
        }
    }

    package func makeAsyncIterator() -> Iterator {
        Iterator(queue: queue)
    }
}

/// The close frame that a handler chose.
final class CloseChoice: Sendable {
    private let value = Mutex<SocketClose?>(nil)

    func set(_ close: SocketClose) {
        value.withLock { if $0 == nil { $0 = close } }
    }

    func get() -> SocketClose? {
        value.withLock { $0 }
    }
}
