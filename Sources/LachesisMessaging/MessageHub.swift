internal import Foundation
internal import Glibc
internal import Synchronization

/// The daemon's end of all hosts: a ROUTER on a thread of its own, where also the tasks may run that answer the messages. These must
/// neither wait there nor compute for long: all messages wait for them.
///
/// Messages are passed on in the order of each peer. What is sent waits in a queue without a limit of its own: the fleet bounds
/// what is under way, at most two batches a worker and a few registrations at a time.
package final class MessageHub: TaskExecutor {
    package struct Envelope: Sendable {
        /// ZeroMQ's identity of the host's connection.
        package let peer: [UInt8]
        package let message: [UInt8]
    }

    package let endpoint: String

    /// Jobs, and messages, that are taken between two looks at what is to be sent: that waits for no more of either.
    private static let atOnce = 32

    private let state = Mutex(State())
    /// A pipe that wakes the thread when it waits: reading end, writing end. They live as long as this does, so that nobody rings at
    /// a descriptor that has become another's.
    private let bell: (reading: Int32, writing: Int32)
    /// The thread's alone from its start on, which is the memory barrier that ZeroMQ asks for; made before, so that the caller hears
    /// why binding failed.
    nonisolated(unsafe) let router: MessageSocket

    private struct State {
        var todo = Todo()
        /// Whether the thread waits, and has to be woken.
        var isWaiting = false
        /// Whether there is a thread, or will be at once.
        var isServing = false
        var isClosed = false

        /// - Returns: whether the thread must be woken for what was added.
        mutating func wakes() -> Bool {
            defer { isWaiting = false }
            return isWaiting
        }
    }

    /// What others want of the thread.
    private struct Todo {
        var envelopes: [Envelope] = []
        var jobs: [UnownedJob] = []

        var isEmpty: Bool { envelopes.isEmpty && jobs.isEmpty }

        /// Takes out all that is to be sent, and the first jobs.
        mutating func next() -> Todo {
            defer {
                envelopes = []
                jobs.removeFirst(min(atOnce, jobs.count))
            }
            return Todo(envelopes: envelopes, jobs: Array(jobs.prefix(atOnce)))
        }
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
    /// - Throws: `MessagingError` if it is not possible any more to wait for messages; the hub is closed then.
    package func run(_ receive: @escaping @Sendable (Envelope) -> Void) async throws {
        let (end, continuation) = AsyncThrowingStream.makeStream(of: Never.self)
        state.withLock { $0.isServing = true }
        Thread.detachNewThread { [self] in
            continuation.finish(throwing: serve(receive))
        }
        for try await _ in end {}
    }

    /// Hands a message to the thread; a message to a peer that is gone is dropped, as that peer's end is reported by its process.
    package func send(_ message: [UInt8], to peer: [UInt8]) {
        let mustRing = state.withLock { state in
            guard !state.isClosed else { return false }
            state.todo.envelopes.append(Envelope(peer: peer, message: message))
            return state.wakes()
        }
        if mustRing { ring() }
    }

    /// Runs a part of a task on the hub's thread; where there is none, before its start and after its end, on those that tasks share.
    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let mustRing = state.withLock { state -> Bool? in
            guard state.isServing else { return nil }
            state.todo.jobs.append(job)
            return state.wakes()
        }
        guard let mustRing else { return globalConcurrentExecutor.enqueue(job) }
        if mustRing { ring() }
    }

    /// Ends the thread after what was handed over is sent, and what was enqueued has run.
    package func close() {
        let mustRing = state.withLock { state in
            state.isClosed = true
            return state.wakes()
        }
        if mustRing { ring() }
    }

    private func ring() {
        // Fails only when the pipe is full, and then the thread is awake already.
        _ = write(bell.writing, [1], 1)
    }

    /// - Returns: why it ended before it was closed.
    private func serve(_ receive: (Envelope) -> Void) -> MessagingError? {
        var failure: MessagingError?
        while let todo = next(&failure) {
            for envelope in todo.envelopes { _ = try? router.send(envelope.message, to: envelope.peer) }
            for job in todo.jobs { job.runSynchronously(on: asUnownedTaskExecutor()) }
            for _ in 0..<Self.atOnce {
                guard let (peer, message) = try? router.receive() else { break }
                receive(Envelope(peer: peer, message: message))
            }
        }
        return failure
    }

    /// What is to be done now, after waiting until there is something to do or to receive. If waiting fails, the hub is closed.
    /// - Returns: nil at the end.
    private func next(_ failure: inout MessagingError?) -> Todo? {
        let mustWait = state.withLock { state in
            state.isWaiting = state.todo.isEmpty && !state.isClosed
            return state.isWaiting
        }
        if mustWait {
            do throws(MessagingError) {
                try wait()
            } catch {
                failure = error
                close()
            }
        }
        return state.withLock { state in
            state.isWaiting = false
            guard !state.isClosed || !state.todo.isEmpty else {
                state.isServing = false
                return nil
            }
            return state.todo.next()
        }
    }

    /// Returns when the bell was rung, a message has come, or, seldom, for nothing.
    private func wait() throws(MessagingError) {
        guard try router.wait(reading: [bell.reading], timeout: nil).ready[0] else { return }
        var drained = [UInt8](repeating: 0, count: 64)
        while read(bell.reading, &drained, drained.count) > 0 {}
    }
}
