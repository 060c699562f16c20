/// Which workers may live when not all can at once: pure. Times are those of one monotonic clock.
///
/// Who comes when all places are taken stands in line; for each in line one occupant is asked to leave: the idle one that was
/// used least recently, or, once it has had its turn, the busy one that began first. A reluctant one, whose state cannot be saved,
/// is asked only while it is idle and nobody else is.
struct BerthLedger {
    typealias Number = Int

    enum Action: Equatable {
        case admit(Number)
        case askToLeave(Number)
    }

    /// How long a busy occupant may stay while others stand in line, from the moment at which it can work.
    static let turn = Duration.seconds(2)

    private struct Occupant {
        /// When its worker could be fed; nil before.
        var begun: ContinuousClock.Instant?
        var used: ContinuousClock.Instant
        var isIdle = false
        var isReluctant = false
        var isLeaving = false
    }

    private let places: Int
    private var occupants: [Number: Occupant] = [:]
    private var line: [Number] = []

    init(places: Int) { self.places = places }

    var occupantCount: Int { occupants.count }
    var lineCount: Int { line.count }

    /// - Parameter isUrgent: stands before all others in line.
    mutating func arrive(_ number: Number, isUrgent: Bool = false, now: ContinuousClock.Instant) -> [Action] {
        line.insert(number, at: isUrgent ? 0 : line.count)
        return settle(now)
    }

    /// Takes an occupant out, or one who stands in line.
    mutating func depart(_ number: Number, now: ContinuousClock.Instant) -> [Action] {
        if occupants.removeValue(forKey: number) == nil { line.removeAll { $0 == number } }
        return settle(now)
    }

    /// Notes that an occupant can work, and whether it has anything to do.
    mutating func note(
        _ number: Number, isIdle: Bool, isReluctant: Bool, now: ContinuousClock.Instant
    ) -> [Action] {
        guard var occupant = occupants[number] else { return [] }
        (occupant.isIdle, occupant.isReluctant, occupant.used) = (isIdle, isReluctant, now)
        occupant.begun = occupant.begun ?? now
        occupants[number] = occupant
        // Only who has become idle can be asked sooner than before.
        return isIdle ? settle(now) : []
    }

    /// An occupant that was asked does not leave: it has something to do, and would lose what it has done. It is not asked again
    /// before it is noted as idle.
    mutating func decline(_ number: Number, now: ContinuousClock.Instant) -> [Action] {
        occupants[number]?.isLeaving = false
        occupants[number]?.isIdle = false
        occupants[number]?.isReluctant = true
        return settle(now)
    }

    /// Looks whose turn is over.
    mutating func check(now: ContinuousClock.Instant) -> [Action] { settle(now) }

    /// Empties the line.
    mutating func dismiss() { line = [] }

    private mutating func settle(_ now: ContinuousClock.Instant) -> [Action] {
        guard !line.isEmpty else { return [] }
        var actions: [Action] = []
        while occupants.count < places, !line.isEmpty {
            let number = line.removeFirst()
            occupants[number] = Occupant(used: now)
            actions.append(.admit(number))
        }
        // Who was asked while busy may take long; those who have become idle meanwhile go at once.
        let idleLeaving = occupants.values.count { $0.isLeaving && $0.isIdle }
        for number in idleOccupants(line.count - idleLeaving) { actions.append(ask(number)) }
        let leaving = occupants.values.count(where: \.isLeaving)
        for number in busyOccupants(line.count - leaving, now) { actions.append(ask(number)) }
        return actions
    }

    private mutating func ask(_ number: Number) -> Action {
        occupants[number]?.isLeaving = true
        return .askToLeave(number)
    }

    /// At most so many of those that have nothing to do, first whom leaving costs least.
    private func idleOccupants(_ count: Int) -> [Number] {
        guard count > 0 else { return [] }
        let idle = occupants.lazy.filter { $0.value.isIdle && !$0.value.isLeaving }
            .map { (cost: $0.value.isReluctant ? 1 : 0, used: $0.value.used, number: $0.key) }
        return Self.first(count, of: idle) { ($0.cost, $0.used, $0.number) < ($1.cost, $1.used, $1.number) }
            .map(\.number)
    }

    /// At most so many of those that have had their turn, first who began first.
    private func busyOccupants(_ count: Int, _ now: ContinuousClock.Instant) -> [Number] {
        guard count > 0 else { return [] }
        let busy = occupants.lazy.compactMap { number, occupant -> (ContinuousClock.Instant, Number)? in
            guard let begun = occupant.begun, now - begun >= Self.turn, !occupant.isIdle, !occupant.isReluctant,
                !occupant.isLeaving
            else { return nil }
            return (begun, number)
        }
        return Self.first(count, of: busy, by: <).map(\.1)
    }

    /// The least of many; one alone, as usual, is found without sorting them all.
    private static func first<Element>(
        _ count: Int, of elements: some Sequence<Element>, by isLess: (Element, Element) -> Bool
    ) -> [Element] {
        if count == 1 { return elements.min(by: isLess).map { [$0] } ?? [] }
        return Array(elements.sorted(by: isLess).prefix(count))
    }
}
