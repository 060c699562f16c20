/// Decides which refusals are logged: at most one a second for each peer, and none of peers beyond a bound.
struct RefusalRhythm {
    static let interval = Duration.seconds(1)
    /// Peers that are remembered; while so many were refused within a second, those of others are not logged.
    static let peers = 1_024

    private var last: [String: ContinuousClock.Instant] = [:]

    mutating func mayLog(_ peer: String, at now: ContinuousClock.Instant) -> Bool {
        if let before = last[peer], now - before < Self.interval { return false }
        if last.count >= Self.peers, last[peer] == nil {
            last = last.filter { now - $0.value < Self.interval }
            guard last.count < Self.peers else { return false }
        }
        last[peer] = now
        return true
    }
}

/// Decides which refusals are audited: a hundred at once, then one a second; the next entry tells how many were left out.
struct RefusalBudget {
    static let burst = 100
    static let interval = Duration.seconds(1)

    private var left = Self.burst
    private var untold = 0
    private var refilledAt: ContinuousClock.Instant?

    /// - Returns: how many were left out since the last that was audited; nil if this one is, too.
    mutating func take(at now: ContinuousClock.Instant) -> Int? {
        let before = refilledAt ?? now
        let earned = min(Int((now - before) / Self.interval), Self.burst)
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
}
