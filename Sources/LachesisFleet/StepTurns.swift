internal import LachesisWire
internal import Synchronization

/// Gives out leave to step; see `TurnLedger`.
///
/// Nobody waits here: who cannot have a turn at once is told later, so that a feeder goes on hearing of everything else.
final class StepTurns: Sendable {
    private let ledger: Mutex<TurnLedger>
    private let tell: @Sendable (TurnLedger.Number) -> Void

    /// - Parameter tell: called for each worker that gets a turn later than when it asked.
    init(_ configuration: TurnLedger.Configuration, tell: @escaping @Sendable (TurnLedger.Number) -> Void) {
        ledger = Mutex(TurnLedger(configuration))
        self.tell = tell
    }

    /// Workers that wait for a turn.
    var lineCount: Int { ledger.withLock(\.lineCount) }

    /// - Returns: whether it has a turn now; else it is told once it has.
    func ask(_ number: TurnLedger.Number, _ lane: TurnLedger.Lane) -> Bool {
        perform(except: number) { $0.ask(number, lane, now: .now) }
    }

    func answered(_ number: TurnLedger.Number) { ledger.withLock { $0.answered(number, now: .now) } }

    func leave(_ number: TurnLedger.Number) { _ = perform { $0.leave(number, now: .now) } }

    func isWanted(_ number: TurnLedger.Number) -> Bool { ledger.withLock { $0.isWanted(number, now: .now) } }

    /// To be called about once a second.
    func check() { _ = perform { $0.check(now: .now) } }

    /// - Returns: whether this one got a turn.
    private func perform(
        except own: TurnLedger.Number? = nil, _ change: (inout TurnLedger) -> [TurnLedger.Number]
    ) -> Bool {
        let admitted = ledger.withLock { change(&$0) }
        for number in admitted where number != own { tell(number) }
        return own.map(admitted.contains) ?? false
    }
}
