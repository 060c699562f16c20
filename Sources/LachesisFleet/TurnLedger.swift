internal import LachesisWire

/// Which workers may step at once: pure. Times are those of one monotonic clock.
///
/// A worker asks before it is sent something, and leaves once it has answered all. Those whose records are few come first;
/// those that are far behind get the turns that are left over, few at once, one after the other, and some in any case. So a
/// thousand workers do not crowd the processors, where each step would take so long that it looks like a hung one; however many
/// batteries are far behind, the others' records wait for none of them; and however many others there are, those come on.
struct TurnLedger {
    typealias Number = Epoch

    enum Lane: Equatable {
        /// Its records make one batch, or are few.
        case live
        /// It has more.
        case behind
    }

    struct Configuration: Sendable {
        /// Workers that step at once, at most: more than there are processors, as messages are under way, too, and few more, as the
        /// server itself has to get its turn of the processors among them.
        var places: Int
        /// Those of them that are far behind.
        var placesBehind: Int

        /// Those that no live one takes while somebody far behind wants them.
        var placesKept: Int { min(placesBehind / 2, places - 1) }

        init(places: Int, placesBehind: Int) { (self.places, self.placesBehind) = (places, placesBehind) }

        /// - Parameter processors: of the machine.
        init(processors: Int) { self.init(places: 3 * processors, placesBehind: 2 * processors) }
    }

    /// Whoever has answered nothing for so long no longer counts: a script that hangs must not keep others waiting.
    static let patience = Duration.milliseconds(300)

    private struct Holder {
        var lane: Lane
        /// When it began, or answered last.
        var seen: ContinuousClock.Instant
    }

    private let configuration: Configuration
    private var holders: [Number: Holder] = [:]
    private var live: [Number] = []
    private var behind: [Number] = []

    init(_ configuration: Configuration) { self.configuration = configuration }

    var lineCount: Int { live.count + behind.count }

    /// A worker wants a turn. It may ask again while it waits, also in the other lane.
    /// - Returns: who gets one, which may be itself and others.
    mutating func ask(_ number: Number, _ lane: Lane, now: ContinuousClock.Instant) -> [Number] {
        guard holders[number] == nil else { return [] }
        switch lane {
        case .live:
            behind.removeAll { $0 == number }
            if !live.contains(number) { live.append(number) }
        case .behind:
            live.removeAll { $0 == number }
            if !behind.contains(number) { behind.append(number) }
        }
        return settle(now)
    }

    /// A worker has answered something.
    mutating func answered(_ number: Number, now: ContinuousClock.Instant) { holders[number]?.seen = now }

    /// A worker gives its turn back, or waits no longer.
    /// - Returns: who gets one.
    mutating func leave(_ number: Number, now: ContinuousClock.Instant) -> [Number] {
        if holders.removeValue(forKey: number) == nil {
            live.removeAll { $0 == number }
            behind.removeAll { $0 == number }
        }
        return settle(now)
    }

    /// Looks who has been silent for too long.
    /// - Returns: who gets a turn.
    mutating func check(now: ContinuousClock.Instant) -> [Number] { settle(now) }

    /// Whether others wait for the turn of this one, so that it should not be sent more.
    func isWanted(_ number: Number, now: ContinuousClock.Instant) -> Bool {
        guard let holder = holders[number] else { return false }
        if !live.isEmpty { return true }
        return !behind.isEmpty
            && (holder.lane == .behind || counted(now).count { $0.lane == .behind } < configuration.placesKept)
    }

    private func counted(_ now: ContinuousClock.Instant) -> [Holder] {
        holders.values.filter { now - $0.seen < Self.patience }
    }

    private mutating func settle(_ now: ContinuousClock.Instant) -> [Number] {
        guard lineCount > 0 else { return [] }
        let counted = counted(now)
        let countBehind = counted.count { $0.lane == .behind }
        let free = configuration.places - counted.count
        let kept = min(max(0, configuration.placesKept - countBehind), behind.count)
        let first = take(free - kept, from: \.live, .live, now)
        let freeBehind = configuration.placesBehind - countBehind
        return first + take(min(free - first.count, freeBehind), from: \.behind, .behind, now)
    }

    private mutating func take(
        _ count: Int, from line: WritableKeyPath<TurnLedger, [Number]>, _ lane: Lane, _ now: ContinuousClock.Instant
    ) -> [Number] {
        let admitted = Array(self[keyPath: line].prefix(max(0, count)))
        self[keyPath: line].removeFirst(admitted.count)
        for number in admitted { holders[number] = Holder(lane: lane, seen: now) }
        return admitted
    }
}
