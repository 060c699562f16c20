/// Decides which refusals are logged: at most one a second for each who is refused, and none of those beyond a bound.
struct RefusalRhythm<Refused: Hashable & Sendable>: Sendable {
    static var interval: Duration { .seconds(1) }
    /// Refused ones that are remembered; while so many were refused within a second, those of others are not logged.
    static var bound: Int { 1_024 }

    private var last: [Refused: ContinuousClock.Instant] = [:]

    mutating func mayLog(_ refused: Refused, at now: ContinuousClock.Instant) -> Bool {
        if let before = last[refused], now - before < Self.interval { return false }
        if last.count >= Self.bound, last[refused] == nil {
            last = last.filter { now - $0.value < Self.interval }
            guard last.count < Self.bound else { return false }
        }
        last[refused] = now
        return true
    }
}
