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
    /// When each batch was sent that is not answered, the oldest first.
    private var sent: [ContinuousClock.Instant] = []
    /// When the latest answer came; nil before the first.
    private var latest: ContinuousClock.Instant?

    /// Records of the next batch, at most.
    var limit: Int {
        guard let perRecord else { return Self.firstLimit }
        let count = (Self.time / max(perRecord, .nanoseconds(1))).rounded(.down)
        return Int(min(max(count, 1), Double(WorkerMessageLimits.records)))
    }

    /// A batch is about to be sent, of records or for a checkpoint alone.
    mutating func sends(_ now: ContinuousClock.Instant) { sent.append(now) }

    /// The oldest batch was answered, which had so many records.
    /// - Parameter now: when the answer came, which may be a while ago.
    /// - Returns: what each record took on average; nil if there were none.
    @discardableResult
    mutating func answered(_ count: Int, _ now: ContinuousClock.Instant) -> Duration? {
        let sent = self.sent.isEmpty ? now : self.sent.removeFirst()
        // The worker began with it when it came, or after the one before.
        let begun = max(sent, latest ?? sent)
        latest = now
        guard count > 0 else { return nil }
        let each = max(.zero, now - begun) / count
        perRecord = perRecord.map { ($0 + each) / 2 } ?? each
        return each
    }
}
