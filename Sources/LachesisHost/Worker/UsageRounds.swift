internal import LachesisWire

/// Decides which workers are measured when: pure. Times are those of one monotonic clock.
///
/// A few at a time, because the kernel walks through all pages of a process for it: a thousand workers keep a core busy for
/// some hundredths of the time.
struct UsageRounds {
    /// Time from the beginning of one round to that of the next, at least.
    static let interval = Duration.seconds(5)
    /// Time between two groups of one round.
    static let pause = Duration.milliseconds(250)
    /// Workers of one group.
    static let group = 16
    /// A new worker is measured so soon, if no round is under way.
    static let novelty = Duration.seconds(1)

    /// When the next group is due; nil if there is nobody to measure.
    private(set) var due: Duration?
    private var roundBegan = Duration.zero
    /// The last that was measured in this round; nil between two rounds.
    private var last: Epoch?

    /// A worker's process is there.
    mutating func started(now: Duration) {
        guard last == nil else { return }
        due = min(due ?? now + Self.novelty, now + Self.novelty)
    }

    /// Whom to measure now; none if nothing is due.
    mutating func next(of workers: some Collection<Epoch>, now: Duration) -> [Epoch] {
        guard let due, now >= due else { return [] }
        guard !workers.isEmpty else {
            (self.due, last) = (nil, nil)
            return []
        }
        if last == nil { roundBegan = now }
        let rest = workers.filter { $0 > last ?? 0 }.sorted()
        let group = Array(rest.prefix(Self.group))
        last = rest.count > Self.group ? group.last : nil
        self.due = last == nil ? max(roundBegan + Self.interval, now + Self.pause) : now + Self.pause
        return group
    }
}
