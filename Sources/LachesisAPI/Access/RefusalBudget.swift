/// Decides which refusals are audited: a hundred at once, then one a second; the next entry tells how many were left out.
struct RefusalBudget: Sendable {
    static let burst = 100
    static let interval = Duration.seconds(1)

    private var left = Self.burst
    private var untold = 0
    private var refilledAt: ContinuousClock.Instant?

    /// - Returns: how many were left out since the last that was audited; nil if this one is, too.
    mutating func take(at now: ContinuousClock.Instant) -> Int? {
        let before = refilledAt ?? now
        let earned = earned(since: before, at: now)
        left = min(left + earned, Self.burst)
        refilledAt = earned > 0 ? now : before
        guard left > 0 else {
            untold += 1
            return nil
        }
        left -= 1
        defer { untold = 0 }
        return untold
    }

    /// Whether forgetting it changes nothing.
    func isAsNew(at now: ContinuousClock.Instant) -> Bool {
        untold == 0 && left + earned(since: refilledAt ?? now, at: now) >= Self.burst
    }

    private func earned(since before: ContinuousClock.Instant, at now: ContinuousClock.Instant) -> Int {
        min(Int((now - before) / Self.interval), Self.burst)
    }
}
