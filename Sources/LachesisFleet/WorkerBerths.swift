internal import Synchronization

/// A worker's place among those that may live at once.
final class Berth: Sendable {
    let number: BerthLedger.Number
    private let state = Mutex<(isAsked: Bool, answer: (@Sendable () -> Void)?)>((false, nil))

    fileprivate init(_ number: BerthLedger.Number) { self.number = number }

    /// Whether its holder has been asked to leave.
    var isAsked: Bool { state.withLock { $0.isAsked } }

    /// - Parameter answer: called once its holder is asked to leave; at once if that has happened.
    func whenAsked(_ answer: @escaping @Sendable () -> Void) {
        let isAsked = state.withLock { state in
            state.answer = answer
            return state.isAsked
        }
        if isAsked { answer() }
    }

    fileprivate func ask() {
        let answer = state.withLock { state in
            state.isAsked = true
            return state.answer
        }
        answer?()
    }

    fileprivate func takeBack() { state.withLock { $0.isAsked = false } }
}

/// Gives out the places of workers: as many as may live at once, the others in line.
final class WorkerBerths: Sendable {
    private struct State {
        var ledger: BerthLedger
        var berths: [BerthLedger.Number: Berth] = [:]
        var waiting: [BerthLedger.Number: CheckedContinuation<Bool, Never>] = [:]
        var next = 0
        var isClosed = false
    }

    private let state: Mutex<State>

    init(places: Int) { state = Mutex(State(ledger: BerthLedger(places: places))) }

    var occupantCount: Int { state.withLock { $0.ledger.occupantCount } }

    var lineCount: Int { state.withLock { $0.ledger.lineCount } }

    /// Waits for a place.
    /// - Parameter isUrgent: stands before all others in line.
    /// - Throws: `CancellationError` if the task is cancelled meanwhile, or no places are given out any more.
    func take(isUrgent: Bool = false) async throws -> Berth {
        let berth = state.withLock { state in
            state.next += 1
            return Berth(state.next)
        }
        let isAdmitted = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                perform { state in
                    guard !state.isClosed, !Task.isCancelled else {
                        continuation.resume(returning: false)
                        return []
                    }
                    state.berths[berth.number] = berth
                    state.waiting[berth.number] = continuation
                    return state.ledger.arrive(berth.number, isUrgent: isUrgent, now: .now)
                }
            }
        } onCancel: {
            perform { state in
                // Not there before it stands in line, nor after it was admitted.
                guard let waiting = state.waiting.removeValue(forKey: berth.number) else { return [] }
                state.berths[berth.number] = nil
                waiting.resume(returning: false)
                return state.ledger.depart(berth.number, now: .now)
            }
        }
        guard isAdmitted else { throw CancellationError() }
        return berth
    }

    func giveBack(_ berth: Berth) {
        perform { state in
            state.berths[berth.number] = nil
            return state.ledger.depart(berth.number, now: .now)
        }
    }

    /// Tells that a holder's worker can be fed, whether it has anything to do, and whether ending it would lose its state.
    func note(_ berth: Berth, isIdle: Bool, isReluctant: Bool) {
        perform { $0.ledger.note(berth.number, isIdle: isIdle, isReluctant: isReluctant, now: .now) }
    }

    /// Tells that a busy holder that was asked to leave will not: its state cannot be saved.
    /// - Returns: false if all must leave.
    func decline(_ berth: Berth) -> Bool {
        var isClosed = false
        perform { state in
            isClosed = state.isClosed
            guard !isClosed else { return [] }
            berth.takeBack()
            return state.ledger.decline(berth.number, now: .now)
        }
        return !isClosed
    }

    /// Looks whose turn is over; to be called about once a second.
    func check() { perform { $0.ledger.check(now: .now) } }

    /// Gives out no more places, and asks all holders to leave.
    func close() {
        let holders = state.withLock { state in
            state.isClosed = true
            for (number, waiting) in state.waiting {
                state.berths[number] = nil
                waiting.resume(returning: false)
            }
            state.waiting = [:]
            state.ledger.dismiss()
            return state.berths.values
        }
        for berth in holders { berth.ask() }
    }

    private func perform(_ change: (inout State) -> [BerthLedger.Action]) {
        let asked = state.withLock { state in
            var asked: [Berth] = []
            for action in change(&state) {
                switch action {
                case .admit(let number): state.waiting.removeValue(forKey: number)?.resume(returning: true)
                case .askToLeave(let number): if let berth = state.berths[number] { asked.append(berth) }
                }
            }
            return asked
        }
        // Outside the lock, as the answer may be to give the berth back.
        for berth in asked { berth.ask() }
    }
}
