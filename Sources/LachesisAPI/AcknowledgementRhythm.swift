internal import Synchronization

/// Decides when an upload is told how much is on disk.
///
/// At once when nothing more is waiting to be written; else at most every 50 ms, or every 1,000 records.
final class AcknowledgementRhythm: Sendable {
    static let interval = Duration.milliseconds(50)
    static let records = 1_000

    private struct State {
        /// Batches that are decoded and not written.
        var waiting = 0
        var unacknowledged = 0
        var acknowledgedAt: ContinuousClock.Instant
    }

    private let state: Mutex<State>

    init(now: ContinuousClock.Instant = .now) { state = Mutex(State(acknowledgedAt: now)) }

    /// A batch is about to be handed to the writer.
    func decoded() { state.withLock { $0.waiting += 1 } }

    /// A batch is written.
    /// - Parameter isLast: whether the upload ends behind it.
    /// - Returns: whether to acknowledge now.
    func stored(_ count: Int, isLast: Bool, now: ContinuousClock.Instant = .now) -> Bool {
        state.withLock { state in
            state.waiting -= 1
            state.unacknowledged += count
            let isDue =
                isLast || state.waiting == 0 || state.unacknowledged >= Self.records
                || now - state.acknowledgedAt >= Self.interval
            guard isDue, state.unacknowledged > 0 else { return false }
            (state.unacknowledged, state.acknowledgedAt) = (0, now)
            return true
        }
    }
}
