internal import Synchronization

/// Lets a bounded number of tasks through at a time; the others wait in a line in which no caller holds up another.
package final class Turnstile: Sendable {
    private struct State {
        var line: TurnstileLine
        var next: TurnstileLine.Ticket = 0
        /// As many as the line lets wait.
        var waiting: [TurnstileLine.Ticket: CheckedContinuation<Void, any Error>] = [:]
    }

    private let state: Mutex<State>

    package init(_ configuration: TurnstileLine.Configuration) {
        state = Mutex(State(line: TurnstileLine(configuration)))
    }

    /// Runs `body` as soon as a place is free.
    /// - Throws: `TurnstileLine.Refusal`, `CancellationError` if the task is cancelled while it waits, or what `body` throws.
    package func pass<Result: Sendable>(
        as caller: TurnstileLine.Caller?, _ body: @Sendable () async throws -> Result
    ) async throws -> Result {
        try await enter(as: caller)
        defer { leave(as: caller) }
        return try await body()
    }

    /// Waits for a place, which ``leave(as:)`` gives back.
    /// - Throws: `TurnstileLine.Refusal`, or `CancellationError`; there is nothing to give back then.
    package func enter(as caller: TurnstileLine.Caller?) async throws {
        let ticket = state.withLock { state in
            state.next += 1
            return state.next
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let outcome = state.withLock { state -> Result<Void, any Error>? in
                    if Task.isCancelled { return .failure(CancellationError()) }
                    switch state.line.arrive(ticket, of: caller) {
                    case .goes: return .success(())
                    case .isRefused(let refusal): return .failure(refusal)
                    case .waits:
                        state.waiting[ticket] = continuation
                        return nil
                    }
                }
                if let outcome { continuation.resume(with: outcome) }
            }
        } onCancel: {
            let continuation = state.withLock { state in
                state.line.abandon(ticket, of: caller) ? state.waiting.removeValue(forKey: ticket) : nil
            }
            continuation?.resume(throwing: CancellationError())
        }
    }

    package func leave(as caller: TurnstileLine.Caller?) {
        let continuation = state.withLock { state in
            state.line.leave(caller).flatMap { state.waiting.removeValue(forKey: $0) }
        }
        continuation?.resume()
    }
}
