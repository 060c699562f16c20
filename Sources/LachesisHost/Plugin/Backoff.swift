/// Delays between attempts: each twice the one before, up to a longest.
struct Backoff {
    let first: Duration
    let longest: Duration
    private var next: Duration

    init(first: Duration, longest: Duration) {
        (self.first, self.longest, next) = (first, longest, first)
    }

    mutating func take() -> Duration {
        defer { next = min(next * 2, longest) }
        return next
    }

    mutating func reset() { next = first }
}
