/// How much of what a worker writes is passed on to the daemon: pure. Times are those of one monotonic clock.
///
/// A script that floods its output is cut, and how much was cut is told with what comes after.
struct OutputBudget {
    /// Bytes a second, and at once. 64 KiB.
    static let rate = 64 << 10
    /// What passing anything on costs at least: a script that writes byte by byte is cut, too.
    static let least = 256

    private var allowance = OutputBudget.rate
    private var renewed: Duration
    /// Bytes that were cut and not told of yet.
    private(set) var dropped = 0

    /// - Returns: how many bytes were cut, which nothing will come after.
    mutating func takeDropped() -> Int {
        defer { dropped = 0 }
        return dropped
    }

    init(now: Duration) { renewed = now }

    /// - Returns: how many of the bytes may be passed on, and how many before them were cut.
    mutating func take(_ count: Int, now: Duration) -> (passed: Int, dropped: Int) {
        let earned = Int((now - renewed) / .milliseconds(1)) * Self.rate / 1_000
        if earned > 0 {
            allowance = min(Self.rate, allowance + earned)
            renewed = now
        }
        guard allowance >= Self.least else {
            dropped += count
            return (0, 0)
        }
        let passed = min(count, allowance)
        allowance -= max(passed, Self.least)
        defer { dropped = count - passed }
        return (passed, dropped)
    }
}
