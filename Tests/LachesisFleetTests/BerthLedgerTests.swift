import TestSupport
import Testing

@testable import LachesisFleet

@Suite struct BerthLedgerTests {
    private let start = ContinuousClock.now

    private func at(_ seconds: Double) -> ContinuousClock.Instant { start + .seconds(seconds) }

    /// A ledger whose places are taken by busy workers 1, 2 and so on, which began at time 0.
    private func full(_ places: Int) -> BerthLedger {
        var ledger = BerthLedger(places: places)
        for number in 1...places {
            #expect(ledger.arrive(number, now: start) == [.admit(number)])
            _ = ledger.note(number, isIdle: false, isReluctant: false, now: start)
        }
        return ledger
    }

    @Test func theIdleOneThatWasUsedLeastRecentlyMakesRoom() {
        var ledger = full(3)
        _ = ledger.note(1, isIdle: true, isReluctant: false, now: at(0.2))
        _ = ledger.note(2, isIdle: true, isReluctant: false, now: at(0.1))
        #expect(ledger.arrive(4, now: at(1)) == [.askToLeave(2)])
        #expect(ledger.check(now: at(1)) == [], "for one in line one is asked")
        #expect(ledger.arrive(5, now: at(1)) == [.askToLeave(1)])
        #expect(ledger.depart(2, now: at(1)) == [.admit(4)])
        #expect(ledger.depart(1, now: at(1)) == [.admit(5)])
        #expect(ledger.lineCount == 0 && ledger.occupantCount == 3)
    }

    @Test func whileAllAreBusyOneWaitsForATurnToEnd() {
        var ledger = full(2)
        #expect(ledger.arrive(3, now: at(1)) == [])
        #expect(ledger.check(now: at(1.9)) == [])
        #expect(ledger.check(now: at(2)) == [.askToLeave(1)])
        #expect(ledger.depart(1, now: at(2.1)) == [.admit(3)])
    }

    @Test func whoBecomesIdleWhileOthersWaitIsAskedAtOnce() {
        var ledger = full(1)
        _ = ledger.arrive(2, now: at(0))
        #expect(ledger.note(1, isIdle: true, isReluctant: false, now: at(0.1)) == [.askToLeave(1)])
    }

    @Test func whoseStateCannotBeSavedIsAskedLastAndNeverWhileBusy() {
        var ledger = full(2)
        _ = ledger.note(1, isIdle: true, isReluctant: true, now: at(0))
        _ = ledger.note(2, isIdle: true, isReluctant: false, now: at(1))
        #expect(ledger.arrive(3, now: at(2)) == [.askToLeave(2)])
        #expect(ledger.arrive(4, now: at(2)) == [.askToLeave(1)])
        var busy = full(1)
        _ = busy.note(1, isIdle: false, isReluctant: true, now: at(0))
        _ = busy.arrive(2, now: at(0))
        #expect(busy.check(now: at(100)) == [])
    }

    @Test func aTurnBeginsWhenTheWorkerCanWork() {
        var ledger = BerthLedger(places: 1)
        _ = ledger.arrive(1, now: start)
        #expect(ledger.arrive(2, now: at(10)) == [], "it is still being built")
        _ = ledger.note(1, isIdle: false, isReluctant: false, now: at(11))
        #expect(ledger.check(now: at(12.9)) == [])
        #expect(ledger.check(now: at(13)) == [.askToLeave(1)])
    }

    @Test func whoDeclinesStaysAndAnotherIsAsked() {
        var ledger = full(2)
        _ = ledger.arrive(3, now: at(2))
        #expect(ledger.decline(1, now: at(3)) == [.askToLeave(2)])
        #expect(ledger.decline(2, now: at(4)) == [])
        #expect(ledger.check(now: at(100)) == [], "both would lose what they have done")
        #expect(ledger.note(1, isIdle: true, isReluctant: true, now: at(101)) == [.askToLeave(1)])
    }

    @Test func whoDeclinesIsNotAskedAgainBeforeItHasNothingToDo() {
        var ledger = full(1)
        _ = ledger.note(1, isIdle: true, isReluctant: true, now: at(0))
        #expect(ledger.arrive(2, now: at(1)) == [.askToLeave(1)])
        // Records came in the same moment.
        #expect(ledger.decline(1, now: at(1)) == [])
        #expect(ledger.check(now: at(100)) == [])
        #expect(ledger.note(1, isIdle: true, isReluctant: true, now: at(101)) == [.askToLeave(1)])
    }

    @Test func whoBecomesIdleGoesBeforeOneThatIsLeavingSlowly() {
        var ledger = full(2)
        #expect(ledger.arrive(3, now: at(2)) == [.askToLeave(1)])
        #expect(ledger.note(2, isIdle: true, isReluctant: false, now: at(2.1)) == [.askToLeave(2)])
    }

    @Test func anUrgentOneStandsBeforeAllOthers() {
        var ledger = full(1)
        _ = ledger.arrive(2, now: at(0))
        _ = ledger.arrive(3, isUrgent: true, now: at(0))
        #expect(ledger.depart(1, now: at(1)) == [.admit(3)])
    }

    @Test func whoGivesUpWaitingIsNotAdmitted() {
        var ledger = full(1)
        _ = ledger.arrive(2, now: at(0))
        _ = ledger.arrive(3, now: at(0))
        #expect(ledger.depart(2, now: at(0)) == [])
        #expect(ledger.depart(1, now: at(0)) == [.admit(3)])
    }

    @Test(arguments: 0..<100)
    func thereAreNeverMoreThanPlacesAndNobodyWaitsForEver(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        let places = Int.random(in: 1...4, using: &random)
        var ledger = BerthLedger(places: places)
        var (inside, asked, arrived): (Set<Int>, Set<Int>, Int) = ([], [], 0)
        var time = 0.0
        func perform(_ actions: [BerthLedger.Action]) {
            for action in actions {
                switch action {
                case .admit(let number):
                    #expect(inside.insert(number).inserted)
                    perform(ledger.note(number, isIdle: false, isReluctant: false, now: at(time)))
                case .askToLeave(let number): #expect(inside.contains(number) && asked.insert(number).inserted)
                }
            }
        }
        for _ in 0..<200 {
            time += 0.3
            switch Int.random(in: 0..<4, using: &random) {
            case 0:
                arrived += 1
                perform(ledger.arrive(arrived, now: at(time)))
            case 1:
                if let number = inside.randomElement(using: &random) {
                    perform(ledger.note(number, isIdle: .random(using: &random), isReluctant: false, now: at(time)))
                }
            case 2:
                if let number = asked.intersection(inside).randomElement(using: &random) {
                    inside.remove(number)
                    perform(ledger.depart(number, now: at(time)))
                }
            default: perform(ledger.check(now: at(time)))
            }
            #expect(inside.count <= places && inside.count == ledger.occupantCount)
        }
        // Whoever is asked leaves: then all get in.
        while inside.count + ledger.lineCount > 0, time < 10_000 {
            time += 1
            perform(ledger.check(now: at(time)))
            for number in ledger.lineCount > 0 ? asked.intersection(inside) : inside {
                inside.remove(number)
                perform(ledger.depart(number, now: at(time)))
            }
        }
        #expect(asked.union(inside).isSubset(of: Set(1...max(arrived, 1))) && ledger.lineCount == 0)
    }
}
