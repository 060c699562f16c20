import TestSupport
import Testing

@testable import LachesisFleet

@Suite struct TurnLedgerTests {
    private let start = ContinuousClock.now

    private func at(_ seconds: Double) -> ContinuousClock.Instant { start + .seconds(seconds) }

    private func ledger(_ places: Int, behind: Int) -> TurnLedger {
        TurnLedger(TurnLedger.Configuration(places: places, placesBehind: behind))
    }

    @Test func whoIsFarBehindTakesFewPlacesAndTheOthersTheRest() {
        var turns = ledger(4, behind: 2)
        for number: UInt64 in 1...2 { #expect(turns.ask(number, .behind, now: start) == [number]) }
        #expect(turns.ask(3, .behind, now: start) == [])
        for number: UInt64 in 11...12 { #expect(turns.ask(number, .live, now: start) == [number]) }
        #expect(turns.ask(13, .live, now: start) == [])
        #expect(turns.lineCount == 2)
    }

    @Test func aLiveOneComesBeforeAllThatAreBehind() {
        var turns = ledger(1, behind: 1)
        _ = turns.ask(1, .behind, now: start)
        for number: UInt64 in 2...9 { #expect(turns.ask(number, .behind, now: start) == []) }
        #expect(turns.ask(20, .live, now: start) == [] && turns.isWanted(1, now: start))
        #expect(turns.leave(1, now: start) == [20])
        #expect(!turns.isWanted(20, now: start), "those behind do not hurry it")
        #expect(turns.leave(20, now: start) == [2] && turns.isWanted(2, now: start))
    }

    @Test func thoseBehindTakeTurns() {
        var turns = ledger(8, behind: 2)
        var served: [UInt64: Int] = [:]
        var holders: [UInt64] = []
        for number: UInt64 in 1...5 { holders += turns.ask(number, .behind, now: start) }
        for _ in 0..<50 {
            let first = holders.removeFirst()
            served[first, default: 0] += 1
            holders += turns.leave(first, now: start)
            holders += turns.ask(first, .behind, now: start)
            #expect(holders.count == 2)
        }
        #expect(served.values.allSatisfy { $0 == 10 } && served.count == 5)
    }

    @Test func thoseBehindComeOnHoweverManyLiveOnesThereAre() {
        var turns = ledger(4, behind: 2)
        for number: UInt64 in 1...4 { #expect(turns.ask(number, .live, now: start) == [number]) }
        for number: UInt64 in 11...12 { #expect(turns.ask(number, .behind, now: start) == []) }
        #expect(turns.isWanted(1, now: start), "one place is for them")
        for number: UInt64 in 5...6 { #expect(turns.ask(number, .live, now: start) == []) }
        #expect(turns.leave(1, now: start) == [11])
        #expect(turns.leave(2, now: start) == [5], "and no more than one")
        #expect(turns.leave(11, now: start) == [12])
        #expect(turns.leave(12, now: start) == [6])
    }

    @Test func whoFallsBehindWhileItWaitsLosesItsPlaceInTheLine() {
        var turns = ledger(1, behind: 1)
        _ = turns.ask(1, .live, now: start)
        _ = turns.ask(2, .live, now: start)
        _ = turns.ask(3, .live, now: start)
        #expect(turns.ask(2, .behind, now: start) == [] && turns.lineCount == 2)
        #expect(turns.leave(1, now: start) == [3])
        #expect(turns.leave(3, now: start) == [2])
    }

    @Test func whoWaitsNoLongerIsPassedOver() {
        var turns = ledger(1, behind: 1)
        _ = turns.ask(1, .live, now: start)
        _ = turns.ask(2, .live, now: start)
        _ = turns.ask(3, .behind, now: start)
        #expect(turns.leave(2, now: start) == [] && turns.leave(1, now: start) == [3])
        #expect(turns.leave(3, now: start) == [] && turns.lineCount == 0)
    }

    @Test func whoAnswersNothingKeepsNobodyWaiting() {
        var turns = ledger(1, behind: 1)
        _ = turns.ask(1, .live, now: start)
        _ = turns.ask(2, .live, now: at(0.1))
        turns.answered(1, now: at(0.2))
        #expect(turns.check(now: at(0.45)) == [])
        #expect(turns.check(now: at(0.55)) == [2])
        #expect(turns.ask(3, .live, now: at(0.6)) == [], "the second holds the place")
        #expect(turns.leave(1, now: at(0.7)) == [], "its place is another's by now")
        #expect(turns.leave(2, now: at(0.7)) == [3])
    }

    /// Whatever happens: no more than the places are held, nobody waits while a place is free for it, and nobody is lost.
    @Test func aRandomLifeKeepsTheRules() {
        var chance = SeededGenerator(seed: 7)
        var turns = ledger(5, behind: 2)
        var (holders, waiting): ([UInt64: TurnLedger.Lane], [UInt64: TurnLedger.Lane]) = ([:], [:])
        func admit(_ numbers: [UInt64]) {
            for number in numbers {
                #expect(holders[number] == nil && waiting[number] != nil)
                holders[number] = waiting.removeValue(forKey: number)
            }
        }
        for _ in 0..<20_000 {
            let number = UInt64.random(in: 1...30, using: &chance)
            if Bool.random(using: &chance) {
                let lane = Bool.random(using: &chance) ? TurnLedger.Lane.live : .behind
                if holders[number] == nil { waiting[number] = lane }
                admit(turns.ask(number, lane, now: start))
            } else {
                (holders[number], waiting[number]) = (nil, nil)
                admit(turns.leave(number, now: start))
            }
            let behind = holders.values.count { $0 == .behind }
            let waits = (live: waiting.values.count { $0 == .live }, behind: waiting.values.count { $0 == .behind })
            #expect(holders.count <= 5 && behind <= 2 && turns.lineCount == waiting.count)
            #expect(waits.live == 0 || holders.count == 5)
            #expect(waits.behind == 0 || holders.count == 5 || behind == 2)
        }
    }
}
