/// Which workers may live when not all can at once: pure. Times are those of one monotonic clock.
///
/// Who comes when all places are taken stands in line; for each in line one occupant is asked to leave: the idle one that was
/// used least recently, or, once it has had its time, the busy one that came first. A reluctant one, whose state cannot be saved,
/// is asked only while it is idle and nobody else is.
struct BerthLedger {
    typealias Number = Int

    enum Action: Equatable {
        case admit(Number)
        case askToLeave(Number)
    }

    /// How long a busy occupant may stay while others stand in line.
    static let turn = Duration.seconds(2)

    private struct Occupant {
        let admitted: ContinuousClock.Instant
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

    mutating func arrive(_ number: Number, now: ContinuousClock.Instant) -> [Action] {
        line.append(number)
        return settle(now)
    }

    /// Takes an occupant out, or one who stands in line.
    mutating func depart(_ number: Number, now: ContinuousClock.Instant) -> [Action] {
        if occupants.removeValue(forKey: number) == nil { line.removeAll { $0 == number } }
        return settle(now)
    }

    mutating func note(
        _ number: Number, isIdle: Bool, isReluctant: Bool, now: ContinuousClock.Instant
    ) -> [Action] {
        guard var occupant = occupants[number] else { return [] }
        (occupant.isIdle, occupant.isReluctant, occupant.used) = (isIdle, isReluctant, now)
        occupants[number] = occupant
        return line.isEmpty ? [] : settle(now)
    }

    /// Looks whose turn is over.
    mutating func check(now: ContinuousClock.Instant) -> [Action] { line.isEmpty ? [] : settle(now) }

    private mutating func settle(_ now: ContinuousClock.Instant) -> [Action] {
        var actions: [Action] = []
        while occupants.count < places, !line.isEmpty {
            let number = line.removeFirst()
            occupants[number] = Occupant(admitted: now, used: now)
            actions.append(.admit(number))
        }
        let leaving = occupants.values.count(where: \.isLeaving)
        guard line.count > leaving else { return actions }
        for number in candidates(now).prefix(line.count - leaving) {
            occupants[number]?.isLeaving = true
            actions.append(.askToLeave(number))
        }
        return actions
    }

    /// Those that may be asked to leave, first whom it disturbs least.
    private func candidates(_ now: ContinuousClock.Instant) -> [Number] {
        let staying = occupants.filter { !$0.value.isLeaving }
        let idle = staying.filter(\.value.isIdle).sorted {
            $0.value.isReluctant == $1.value.isReluctant
                ? ($0.value.used, $0.key) < ($1.value.used, $1.key) : $1.value.isReluctant
        }
        let busy = staying.filter { !$0.value.isIdle && !$0.value.isReluctant && now - $0.value.admitted >= Self.turn }
        return idle.map(\.key) + busy.sorted { ($0.value.admitted, $0.key) < ($1.value.admitted, $1.key) }.map(\.key)
    }
}
