/// When one client is to be sent something: pure. Times are those of one monotonic clock.
struct EventRhythm {
    enum Action: Equatable {
        case nothing
        /// What changed since the last time, if anything did.
        case news
        /// A comment, so that both sides and whoever is between them know that the connection lives.
        case comment
    }

    /// Silence after which a comment is sent.
    static let silence = Duration.seconds(15)
    /// Time between two looks at whether there is anything to do, at most.
    static let lookTime = Duration.milliseconds(250)

    /// Time between two rounds of news, at least.
    let interval: Duration
    private var toldAt: ContinuousClock.Instant?
    private var spokeAt: ContinuousClock.Instant

    init(interval: Duration, now: ContinuousClock.Instant) { (self.interval, spokeAt) = (interval, now) }

    /// - Parameter hasNews: whether something may have changed.
    func action(hasNews: Bool, now: ContinuousClock.Instant) -> Action {
        if hasNews, toldAt.map({ now - $0 >= interval }) ?? true { return .news }
        return now - spokeAt >= Self.silence ? .comment : .nothing
    }

    /// A round of news was sent up to its last event. Counted from its begin, a battery sent late would come again too soon.
    mutating func told(_ now: ContinuousClock.Instant) { toldAt = now }

    /// Something was sent, whatever it was.
    mutating func spoke(_ now: ContinuousClock.Instant) { spokeAt = now }

    /// How long to wait before looking again.
    func patience(_ now: ContinuousClock.Instant) -> Duration {
        let left = toldAt.map { $0 + interval - now } ?? .zero
        return left > .zero ? min(left, Self.lookTime) : min(interval, Self.lookTime)
    }
}
