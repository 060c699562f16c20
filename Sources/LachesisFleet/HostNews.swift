internal import Synchronization

/// Wakes those who wait for a change of the hosts.
final class HostNews: Sendable {
    private struct State {
        /// As many as tasks wait.
        var listeners: [UInt64: AsyncStream<Void>.Continuation] = [:]
        var next: UInt64 = 0
    }

    private let state = Mutex(State())

    /// Has all who wait look again.
    func tell() {
        for listener in state.withLock({ Array($0.listeners.values) }) { listener.yield() }
    }

    /// Looks for something at once, and again after each change.
    /// - Returns: what was found; nil if that was nothing within `patience`.
    /// - Throws: what `look` throws, or `CancellationError`.
    func wait<Found: Sendable>(_ patience: Duration, for look: () throws -> Found?) async throws -> Found? {
        // One piece of news is as good as many, and the first look waits for none.
        let (news, listener) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        listener.yield()
        let ticket = state.withLock { state in
            state.next += 1
            state.listeners[state.next] = listener
            return state.next
        }
        defer { state.withLock { $0.listeners[ticket] = nil } }
        return try await withThrowingTaskGroup(of: Void.self) { group in
            defer { group.cancelAll() }
            group.addTask {
                try await Task.sleep(for: patience)
                listener.finish()
            }
            for await _ in news {
                if let found = try look() { return found }
            }
            try Task.checkCancellation()
            return nil
        }
    }
}
