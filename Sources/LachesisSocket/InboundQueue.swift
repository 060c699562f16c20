import NIOCore
import Synchronization

/// Hands messages from the event loop to one consumer, as many at a time as have gathered.
///
/// Bounded: once `highWater` bytes are pending, the channel is not read until the consumer takes them; at most one event's reads come
/// on top.
final class InboundQueue: Sendable {
    private struct State {
        var pending: [SocketMessage] = []
        var cost = 0
        var end: SocketEnd?
        var waiter: CheckedContinuation<[SocketMessage]?, Never>?
        var isPaused = false
    }

    private let state = Mutex(State())
    private let highWater: Int
    /// Called, on any thread, when reading may go on.
    private let resumeReading: @Sendable () -> Void

    init(highWater: Int, resumeReading: @escaping @Sendable () -> Void) {
        self.highWater = highWater
        self.resumeReading = resumeReading
    }

    /// How the stream ended; nil while it has not.
    var end: SocketEnd? { state.withLock { $0.end } }

    /// Whether the channel may be read; after a no, `resumeReading` is called in time.
    func mayRead() -> Bool {
        state.withLock { state in
            guard state.end == nil, state.cost >= highWater else { return true }
            state.isPaused = true
            return false
        }
    }

    /// Adds messages of `cost` bytes; they are dropped if the consumer has gone.
    func offer(_ messages: [SocketMessage], cost: Int) {
        let waiter = state.withLock { state -> CheckedContinuation<[SocketMessage]?, Never>? in
            guard state.end == nil else { return nil }
            if let waiter = state.waiter {
                state.waiter = nil
                return waiter
            }
            state.pending.append(contentsOf: messages)
            state.cost += cost
            return nil
        }
        waiter?.resume(returning: messages)
    }

    /// Ends the stream. What is pending is still delivered, unless it is the consumer who ends it. The first end counts.
    func finish(_ end: SocketEnd) {
        let (waiter, wasPaused) = state.withLock { state in
            if state.end == nil { state.end = end }
            if end == .abandoned {
                state.pending = []
                state.cost = 0
            }
            defer {
                state.waiter = nil
                state.isPaused = false
            }
            return (state.waiter, state.isPaused)
        }
        waiter?.resume(returning: nil)
        if wasPaused { resumeReading() }
    }

    /// The next burst, never empty; nil after the end or when the task is cancelled. For one consumer at a time.
    func next(isolation: isolated (any Actor)?) async -> [SocketMessage]? {
        await withTaskCancellationHandler {
            await withCheckedContinuation(isolation: isolation) { continuation in
                let (now, wasPaused) = state.withLock { state -> ([SocketMessage]??, Bool) in
                    precondition(state.waiter == nil, "two tasks read from one socket")
                    guard state.pending.isEmpty else {
                        let burst = state.pending
                        let wasPaused = state.isPaused
                        state.pending = []
                        state.cost = 0
                        state.isPaused = false
                        return (.some(burst), wasPaused)
                    }
                    guard state.end == nil, !Task.isCancelled else { return (.some(nil), false) }
                    state.waiter = continuation
                    return (.none, false)
                }
                if let now { continuation.resume(returning: now) }
                if wasPaused { resumeReading() }
            }
        } onCancel: {
            finish(.abandoned)
        }
    }
}
