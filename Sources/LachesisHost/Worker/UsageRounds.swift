import LachesisWire

/// Decides which worker is measured when: pure. Times are those of one monotonic clock.
///
/// One at a time, and then nobody for a hundred times as long as that took: the kernel walks through all pages of a process for it,
/// some 1.5 ms during which the host does nothing else. Of thirty workers each is measured every five seconds, of a thousand every
/// few minutes.
struct UsageRounds {
    /// Time from the beginning of one round to that of the next, at least.
    static let interval = Duration.seconds(5)
    /// How many times as long as a measurement took nobody is measured after it.
    static let rest = 100
    /// A new worker is measured so soon, if no round is under way.
    static let novelty = Duration.seconds(1)

    /// When the next measurement is due; nil if there is nobody to measure.
    private(set) var due: Duration?
    private var roundBegan = Duration.zero
    /// The last that was measured in this round; nil between two rounds.
    private var last: Epoch?

    /// A worker's process is there.
    mutating func started(now: Duration) {
        guard last == nil else { return }
        due = min(due ?? now + Self.novelty, now + Self.novelty)
    }

    /// Whom to measure now; nil if nothing is due. `measured` is to be called with what it took.
    mutating func next(of workers: some Collection<Epoch>, now: Duration) -> Epoch? {
        guard let due, now >= due else { return nil }
        let left = workers.filter { $0 > last ?? 0 }
        guard let next = left.min() else {
            // Whoever was left of the round has ended.
            (self.due, last) = (workers.isEmpty ? nil : max(roundBegan + Self.interval, now), nil)
            return nil
        }
        if last == nil { roundBegan = now }
        last = left.count > 1 ? next : nil
        return next
    }

    mutating func measured(_ time: Duration, now: Duration) {
        let rested = now + time * Self.rest
        due = last == nil ? max(roundBegan + Self.interval, rested) : rested
    }
}
