/// Who is inside a turnstile, who waits, and who goes next: pure.
///
/// Places are shared out among callers: the next place goes to the caller that has the fewest of those who wait and may have one more,
/// of several to the one that was served longest ago; each caller's own tasks go in the order of their arrival.
package struct TurnstileLine: Sendable {
    package typealias Ticket = UInt64
    /// A caller's number. Nil are those who are not told apart: together one caller, who may have all places.
    package typealias Caller = Int64

    package struct Configuration: Sendable {
        /// Tasks that may be inside at once.
        package var places: Int
        /// Of one caller. Default: half, and at least one.
        package var placesOfCaller: Int
        /// Tasks that may wait; further ones are refused. Default: without bound, for where it lies elsewhere.
        package var waiting = Int.max
        /// Of one caller. Default: without bound.
        package var waitingOfCaller = Int.max

        package init(places: Int) {
            self.places = places
            placesOfCaller = max(1, places / 2)
        }
    }

    /// Why a task may not even wait.
    package enum Refusal: Error, Equatable, Sendable {
        /// Too many wait.
        case lineIsFull
        /// Too many of this caller's wait.
        case callerIsFull
    }

    enum Arrival: Equatable {
        case goes
        case waits
        case isRefused(Refusal)
    }

    private struct Party {
        var inside = 0
        var waiting: [Ticket] = []
    }

    private let configuration: Configuration
    /// Those that have a task inside or waiting.
    private var parties: [Caller?: Party] = [:]
    /// Callers of whom tasks wait; the one that was served longest ago first.
    private var turns: [Caller?] = []
    private var inside = 0
    private(set) var waiting = 0

    init(_ configuration: Configuration) { self.configuration = configuration }

    /// Callers that are remembered.
    var callers: Int { parties.count }

    /// - Parameter ticket: told when the task's turn comes; never used twice.
    mutating func arrive(_ ticket: Ticket, of caller: Caller?) -> Arrival {
        var party = parties[caller] ?? Party()
        // While a place is free, only those wait who may have no more: nobody is overtaken here.
        if inside < configuration.places, party.inside < places(of: caller) {
            inside += 1
            party.inside += 1
            parties[caller] = party
            return .goes
        }
        guard waiting < configuration.waiting else { return .isRefused(.lineIsFull) }
        if caller != nil, party.waiting.count >= configuration.waitingOfCaller { return .isRefused(.callerIsFull) }
        if party.waiting.isEmpty { turns.append(caller) }
        party.waiting.append(ticket)
        parties[caller] = party
        waiting += 1
        return .waits
    }

    /// A task has come out.
    /// - Returns: the one that goes in.
    mutating func leave(_ caller: Caller?) -> Ticket? {
        inside -= 1
        parties[caller]?.inside -= 1
        forget(caller)
        var next: (turn: Int, inside: Int)?
        for (turn, candidate) in turns.enumerated() {
            let inside = parties[candidate]?.inside ?? 0
            if inside < places(of: candidate), inside < next?.inside ?? .max { next = (turn, inside) }
        }
        guard let next else { return nil }
        let chosen = turns.remove(at: next.turn)
        guard var party = parties[chosen], !party.waiting.isEmpty else { return nil }
        let ticket = party.waiting.removeFirst()
        party.inside += 1
        if !party.waiting.isEmpty { turns.append(chosen) }
        parties[chosen] = party
        inside += 1
        waiting -= 1
        return ticket
    }

    /// A task no longer wants to go in.
    /// - Returns: whether it was waiting.
    mutating func abandon(_ ticket: Ticket, of caller: Caller?) -> Bool {
        guard let index = parties[caller]?.waiting.firstIndex(of: ticket) else { return false }
        parties[caller]?.waiting.remove(at: index)
        waiting -= 1
        if parties[caller]?.waiting.isEmpty == true { turns.removeAll { $0 == caller } }
        forget(caller)
        return true
    }

    private func places(of caller: Caller?) -> Int {
        caller == nil ? configuration.places : configuration.placesOfCaller
    }

    private mutating func forget(_ caller: Caller?) {
        if let party = parties[caller], party.inside == 0, party.waiting.isEmpty { parties[caller] = nil }
    }
}
