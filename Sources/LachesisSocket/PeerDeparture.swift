import Synchronization

/// Tells whoever waits on behalf of a connection's peer that it has gone: its side of the connection is closed, or all of it.
///
/// A peer that closes its side alone and goes on reading is taken for gone, too: the two cannot be told apart.
package final class PeerDeparture: Sendable {
    /// Of the connection whose request is being answered; nil elsewhere.
    @TaskLocal package static var current: PeerDeparture?

    private struct State {
        var hasGone = false
        var waiting: [UInt64: CheckedContinuation<Void, Never>] = [:]
        var next: UInt64 = 0
    }

    private let state = Mutex(State())

    package init() {}

    package var hasGone: Bool { state.withLock(\.hasGone) }

    /// Runs a closure that is cancelled if the peer has gone, or goes meanwhile.
    package func cancelling<Result: Sendable>(
        _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        try await withThrowingTaskGroup(of: Result?.self) { group in
            group.addTask { try await body() }
            group.addTask {
                await self.wait()
                return nil
            }
            defer { group.cancelAll() }
            // Nil is the departure, and the body's own end counts for more.
            while let first = try await group.next() {
                if let result = first { return result }
                group.cancelAll()
            }
            throw CancellationError()
        }
    }

    /// The peer has gone, or the server has ended its connection.
    func happened() {
        let waiting = state.withLock { state in
            defer { state.waiting = [:] }
            state.hasGone = true
            return state.waiting.values
        }
        for continuation in waiting { continuation.resume() }
    }

    /// Returns once the peer has gone, or the task is cancelled.
    private func wait() async {
        let ticket = state.withLock { state in
            state.next += 1
            return state.next
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    if state.hasGone || Task.isCancelled { return true }
                    state.waiting[ticket] = continuation
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiting.removeValue(forKey: ticket) }?.resume()
        }
    }
}
