/// Counts one estimator's steps over the last seconds: pure. Times are those of one monotonic clock.
struct StepMeter {
    /// Seconds that are looked back upon.
    static let window = 10

    /// Steps by second since `origin`, those of `latest` last; as many as the window has.
    private var counts = [Int](repeating: 0, count: StepMeter.window)
    private var latest = 0
    private var origin: ContinuousClock.Instant?

    mutating func stepped(_ count: Int, _ now: ContinuousClock.Instant) {
        guard count > 0 else { return }
        advance(to: now)
        counts[latest % Self.window] += count
    }

    /// Steps per second, averaged over the window, the second under way left out; over less while it is young.
    mutating func rate(_ now: ContinuousClock.Instant) -> Double {
        guard origin != nil else { return 0 }
        advance(to: now)
        let complete = min(latest, Self.window - 1)
        guard complete > 0 else { return Double(counts[0]) }
        let sum = counts.reduce(0, +) - counts[latest % Self.window]
        return Double(sum) / Double(complete)
    }

    private mutating func advance(to now: ContinuousClock.Instant) {
        let origin = origin ?? now
        self.origin = origin
        let second = Int((now - origin) / .seconds(1))
        guard second > latest else { return }
        for passed in max(latest + 1, second - Self.window + 1)...second { counts[passed % Self.window] = 0 }
        latest = second
    }
}
