internal import Synchronization

/// Counts the reads under way, so that the connections are closed under none of them.
final class ReadGate: Sendable {
    private struct State {
        var active = 0
        var isClosed = false
        var waiting: [@Sendable () -> Void] = []
    }

    private let state = Mutex(State())

    /// - Throws: `StoreError` `.closed` once the gate is closed.
    func enter() throws(StoreError) {
        let isOpen = state.withLock { state in
            if !state.isClosed { state.active += 1 }
            return !state.isClosed
        }
        guard isOpen else { throw StoreError(.closed, "the store is closed") }
    }

    func leave() {
        let waiting = state.withLock { state -> [@Sendable () -> Void] in
            state.active -= 1
            guard state.isClosed, state.active == 0 else { return [] }
            defer { state.waiting = [] }
            return state.waiting
        }
        for caller in waiting { caller() }
    }

    /// Lets nobody in any more, and returns when the last has left.
    func close() async {
        await withCheckedContinuation { continuation in
            let isEmpty = state.withLock { state in
                state.isClosed = true
                if state.active > 0 { state.waiting.append { continuation.resume() } }
                return state.active == 0
            }
            if isEmpty { continuation.resume() }
        }
    }
}
