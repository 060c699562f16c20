internal import Foundation
internal import Glibc
internal import Synchronization

/// The daemon's end of all hosts: a ROUTER on a thread of its own.
///
/// Messages are passed on in the order of each peer. What is sent waits in a queue without a limit of its own: the fleet bounds
/// what is under way, at most two batches a worker and a few registrations at a time.
package final class MessageHub: Sendable {
    package struct Envelope: Sendable {
        /// ZeroMQ's identity of the host's connection.
        package let peer: [UInt8]
        package let message: [UInt8]
    }

    package let endpoint: String

    private let outbox = Mutex(Outbox())
    /// A pipe that wakes the thread when the outbox is no longer empty, or is closed: reading end, writing end. They live as long as
    /// this does, so that nobody rings at a descriptor that has become another's.
    private let bell: (reading: Int32, writing: Int32)
    /// The thread's alone from its start on, which is the memory barrier that ZeroMQ asks for; made before, so that the caller hears
    /// why binding failed.
    private nonisolated(unsafe) let router: MessageSocket

    private struct Outbox {
        var envelopes: [Envelope] = []
        var isClosed = false
    }

    /// Binds.
    /// - Parameter endpoint: such as `ipc:///run/lachesis/hub`.
    package init(endpoint: String) throws(MessagingError) {
        self.endpoint = endpoint
        router = try MessageSocket.router(binding: endpoint)
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw MessagingError(operation: "pipe", code: errno) }
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        bell = (ends[0], ends[1])
    }

    deinit {
        Glibc.close(bell.reading)
        Glibc.close(bell.writing)
    }

    /// Sends and receives until the hub is closed; to be called once. A cancelled caller does not wait for that.
    /// - Parameter receive: called for each message that arrives, on the hub's thread: a way to another one would cost more than most
    ///   messages take.
    package func run(_ receive: @escaping @Sendable (Envelope) -> Void) async {
        let (end, continuation) = AsyncStream.makeStream(of: Never.self)
        Thread.detachNewThread { [self] in
            serve(receive)
            continuation.finish()
        }
        for await _ in end {}
    }

    /// Hands a message to the thread; a message to a peer that is gone is dropped, as that peer's end is reported by its process.
    package func send(_ message: [UInt8], to peer: [UInt8]) {
        let mustRing = outbox.withLock { box in
            guard !box.isClosed else { return false }
            box.envelopes.append(Envelope(peer: peer, message: message))
            return box.envelopes.count == 1
        }
        if mustRing { ring() }
    }

    /// Ends the thread after what was handed over is sent.
    package func close() {
        outbox.withLock { box in
            guard !box.isClosed else { return }
            box.isClosed = true
            ring()
        }
    }

    private func ring() {
        // Fails only when the pipe is full, and then the thread is awake already.
        _ = write(bell.writing, [1], 1)
    }

    private func serve(_ receive: (Envelope) -> Void) {
        var isClosed = false
        while !isClosed {
            guard let (hasMessage, ready) = try? router.wait(reading: [bell.reading], timeout: nil) else { break }
            if ready[0] {
                var drained = [UInt8](repeating: 0, count: 4096)
                while read(bell.reading, &drained, drained.count) > 0 {}
                let waiting = outbox.withLock { box in
                    isClosed = box.isClosed
                    defer { box.envelopes.removeAll() }
                    return box.envelopes
                }
                for envelope in waiting { _ = try? router.send(envelope.message, to: envelope.peer) }
            }
            if hasMessage {
                // Not all that there is: what is to be sent does not wait for who has much to say.
                for _ in 0..<256 {
                    guard let (peer, message) = try? router.receive() else { break }
                    receive(Envelope(peer: peer, message: message))
                }
            }
        }
        outbox.withLock { $0.isClosed = true }
    }
}
