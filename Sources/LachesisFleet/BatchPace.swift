internal import LachesisWire

/// How many records a batch should have, so that a worker is soon done with it whatever a step costs: pure.
///
/// A worker that is to leave, and the server's end, wait for two batches at most.
struct BatchPace {
    /// What a batch may take.
    static let time = Duration.milliseconds(200)
    /// Records of the first batch, when nothing is known yet.
    static let firstLimit = 16

    /// What a record takes on average, the last ones counting most; nil before the first answer.
    private var perRecord: Duration?
    /// When the worker began with what it is at.
    private var begun: ContinuousClock.Instant

    init(now: ContinuousClock.Instant) { begun = now }

    /// Records of the next batch, at most.
    var limit: Int {
        guard let perRecord else { return Self.firstLimit }
        let count = (Self.time / max(perRecord, .nanoseconds(1))).rounded(.down)
        return Int(min(max(count, 1), Double(WorkerMessageLimits.records)))
    }

    /// A batch goes to a worker that has nothing else to do.
    mutating func begins(_ now: ContinuousClock.Instant) { begun = now }

    /// So many records were answered.
    /// - Returns: what each of them took on average; nil if there were none.
    @discardableResult
    mutating func answered(_ count: Int, _ now: ContinuousClock.Instant) -> Duration? {
        guard count > 0 else { return nil }
        let latest = (now - begun) / count
        perRecord = perRecord.map { ($0 + latest) / 2 } ?? latest
        begun = now
        return latest
    }
}
