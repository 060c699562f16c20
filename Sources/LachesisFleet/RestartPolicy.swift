/// Decides when an estimator's worker is started again, and when it is not: pure, without clocks.
///
/// A worker that ends for reasons outside the script is started again without limit, the delay doubling from 0.1 s to 30 s. A
/// script that ends its process five times in a row at the same record is parked.
package struct RestartPolicy: Sendable, Equatable {
    package enum Decision: Sendable, Equatable {
        case restart(after: Duration)
        /// Not again until the estimator is registered anew or the server restarts.
        case park
    }

    package static let firstDelay = Duration.milliseconds(100)
    package static let longestDelay = Duration.seconds(30)
    package static let attemptsAtOneRecord = 5

    private var delay = firstDelay
    private var position: Int64?
    private var attempts = 0
    /// Ends since the server started, for the status.
    package private(set) var restarts = 0

    package init() {}

    /// - Parameters:
    ///   - position: sequence of the last record that was answered; 0 before the first.
    ///   - isScriptsDoing: false if host or zygote failed.
    package mutating func workerEnded(at position: Int64, isScriptsDoing: Bool) -> Decision {
        restarts += 1
        if position != self.position {
            delay = Self.firstDelay
            attempts = 0
        }
        self.position = position
        if isScriptsDoing {
            attempts += 1
            if attempts >= Self.attemptsAtOneRecord { return .park }
        }
        defer { delay = min(delay * 2, Self.longestDelay) }
        return .restart(after: delay)
    }
}
