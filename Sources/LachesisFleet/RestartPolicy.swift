/// Decides when an estimator's worker is started again, and when it is not: pure, without clocks.
///
/// A worker that ends for reasons outside the script is started again without limit, the delay doubling from 0.1 s to 30 s. A
/// script that ends its process five times without coming further than before is parked.
package struct RestartPolicy: Sendable, Equatable {
    package enum Decision: Sendable, Equatable {
        case restart(after: Duration)
        /// Not again until somebody orders something of it, the estimator is registered anew, or the server restarts.
        case park
    }

    package static let firstDelay = Duration.milliseconds(100)
    package static let longestDelay = Duration.seconds(30)
    package static let attemptsAtOneRecord = 5

    private var delay = firstDelay
    /// Sequence of the furthest record that was answered; 0 before the first.
    package private(set) var position: Int64 = 0
    private var attempts = 0
    /// Ends since the server started, for the status.
    package private(set) var restarts = 0

    package init() {}

    /// Notes how far a worker has come.
    ///
    /// One that goes on from a checkpoint may end before the place where the last one did; that is no progress.
    /// - Parameter position: sequence of the last record that was answered.
    package mutating func advanced(to position: Int64) {
        guard position > self.position else { return }
        (self.position, delay, attempts) = (position, Self.firstDelay, 0)
    }

    /// Somebody wants it tried again.
    package mutating func revive() { (delay, attempts) = (Self.firstDelay, 0) }

    /// - Parameter isScriptsDoing: false if host or zygote failed.
    package mutating func workerEnded(isScriptsDoing: Bool) -> Decision {
        restarts += 1
        if isScriptsDoing {
            attempts += 1
            if attempts >= Self.attemptsAtOneRecord { return .park }
        }
        defer { delay = min(delay * 2, Self.longestDelay) }
        return .restart(after: delay)
    }
}
