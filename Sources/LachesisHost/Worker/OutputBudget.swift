/// How much of what a worker writes is passed on to the daemon: pure. Times are those of one monotonic clock.
///
/// A script that floods its output is cut, and how much was cut is told with what comes after.
struct OutputBudget {
    /// What passing anything on costs at least: a script that writes byte by byte is cut, too, but none that writes a line a step.
    static let least = 16

    /// Bytes a second, and at once.
    private let rate: Int
    private var allowance: Int
    private var renewed: Duration
    /// Bytes that were cut and not told of yet.
    private(set) var dropped = 0

    /// - Returns: how many bytes were cut, which nothing will come after.
    mutating func takeDropped() -> Int {
        defer { dropped = 0 }
        return dropped
    }

    /// - Parameter rate: bytes that are passed on a second, and at once; at least `least`.
    init(rate: Int, now: Duration) { (self.rate, allowance, renewed) = (rate, rate, now) }

    /// - Returns: how many of the bytes may be passed on, and how many before them were cut.
    mutating func take(_ count: Int, now: Duration) -> (passed: Int, dropped: Int) {
        // No more than a second's, or a long silence would earn more than there are numbers for.
        let earned = Int(min(1, (now - renewed) / .seconds(1)) * Double(rate))
        if earned > 0 {
            allowance = min(rate, allowance + earned)
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
