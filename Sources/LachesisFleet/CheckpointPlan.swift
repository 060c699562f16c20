/// Decides when a worker is asked for a checkpoint: pure. Times are those of one monotonic clock.
struct CheckpointPlan {
    /// What is known of saving an estimator.
    enum Prospect {
        case good
        /// The last try failed.
        case poor
        /// It ends the process.
        case none
    }

    private let records: Int
    private let interval: Duration
    /// Sequence up to which the estimator's state is saved.
    private(set) var savedCursor: Int64
    /// Records sent since the last wish.
    private var sentCount = 0
    private var askedAt: ContinuousClock.Instant
    /// Sequence at which the estimator could not be saved; nil if the last wish was granted.
    private var failedCursor: Int64?
    /// False after an estimator could not be saved: ending its worker would mean to step from the start.
    private(set) var isPossible: Bool
    private let isAllowed: Bool

    /// - Parameter share: of the configured interval that passes between two checkpoints; where it differs from one worker to another,
    ///   those that were registered together do not save their states together for ever.
    init(
        _ configuration: FleetConfiguration, savedCursor: Int64, prospect: Prospect = .good, share: Double = 1,
        now: ContinuousClock.Instant
    ) {
        (records, interval) = (configuration.checkpointRecords, configuration.checkpointInterval * share)
        (self.savedCursor, askedAt) = (savedCursor, now)
        (isPossible, isAllowed) = (prospect == .good, prospect != .none)
    }

    /// Whether the worker's state at this sequence is not saved, and can be as far as is known.
    func isUnsaved(at cursor: Int64) -> Bool { isAllowed && cursor > savedCursor && cursor != failedCursor }

    /// Whether asking for a checkpoint does not end the process, as far as is known.
    var isConceivable: Bool { isAllowed }

    /// When a checkpoint is due that only time brings.
    var due: ContinuousClock.Instant { askedAt + interval }

    func isDue(_ now: ContinuousClock.Instant) -> Bool { now >= due }

    /// Notes a batch.
    /// - Returns: whether it is to ask for a checkpoint. Once an estimator could not be saved, only time brings the next try.
    mutating func send(_ count: Int, now: ContinuousClock.Instant) -> Bool {
        sentCount += count
        guard isAllowed, isDue(now) || (isPossible && sentCount >= records) else { return false }
        ask(now)
        return true
    }

    mutating func ask(_ now: ContinuousClock.Instant) { (sentCount, askedAt) = (0, now) }

    mutating func saved(at cursor: Int64) { (savedCursor, failedCursor, isPossible) = (cursor, nil, true) }

    mutating func failed(at cursor: Int64) { (failedCursor, isPossible) = (cursor, false) }
}
