import LachesisModel
import LachesisStore
import Testing

@testable import LachesisAPI

@Suite struct RefusalTests {
    private let start = ContinuousClock.now

    private static func holder(_ id: Int64) -> Caller {
        .bearer(
            Grant(id: id, label: "", roles: [.read], batteries: nil, created: 0, hash: TokenSecret().hash))
    }

    @Test func refusalsAreLoggedOnceASecondForEachPeer() {
        var rhythm = RefusalRhythm<String>()
        let start = ContinuousClock.now
        let asked: [(String, Double)] = [("a", 0), ("a", 0.999), ("b", 0.999), ("a", 1)]
        let answers = asked.map { peer, second in rhythm.mayLog(peer, at: start + .seconds(second)) }
        #expect(answers == [true, false, true, true])
        let logged = (0..<5_000).filter { rhythm.mayLog("peer \($0)", at: start + .seconds(10)) }.count
        #expect(logged == RefusalRhythm<String>.bound)
        let late = rhythm.mayLog("late", at: start + .seconds(12))
        #expect(late)
    }

    @Test func auditedRefusalsAreBoundedAndCounted() {
        var budget = RefusalBudget()
        let start = ContinuousClock.now
        let taken = (0..<300).compactMap { _ in budget.take(at: start) }
        #expect(taken == Array(repeating: 0, count: RefusalBudget.burst))
        let more = [1.5, 1.6, 3].map { second in budget.take(at: start + .seconds(second)) }
        #expect(more == [200, nil, 1])
        let later = (0..<300).compactMap { _ in budget.take(at: start + .seconds(10_000)) }
        #expect(later.count == RefusalBudget.burst)
    }

    @Test func aBudgetIsAsNewOnceItIsWholeAndEverythingIsTold() {
        var budget = RefusalBudget()
        #expect(budget.isAsNew(at: start))
        _ = budget.take(at: start)
        let used = [0, 0.9, 1].map { second in budget.isAsNew(at: start + .seconds(second)) }
        #expect(used == [false, false, true])
        for _ in 0..<200 { _ = budget.take(at: start) }
        let isForgotten = budget.isAsNew(at: start + .seconds(10_000))
        #expect(!isForgotten, "what was left out would never be told")
    }

    @Test func strangersHideNoHoldersRefusals() {
        var ledger = RefusalLedger()
        let strangers = (0..<1_000).compactMap { _ in ledger.audit(.nobody, at: start) }
        #expect(strangers.count == RefusalBudget.burst)
        for caller in [Self.holder(1), Self.holder(2), .local] {
            let told = (0..<1_000).compactMap { _ in ledger.audit(caller, at: start) }
            #expect(told == Array(repeating: 0, count: RefusalBudget.burst))
        }
        let later = [Caller.nobody, Self.holder(1)].map { caller in ledger.audit(caller, at: start + .seconds(1)) }
        #expect(later == [900, 900])
    }

    @Test func strangersOfManyAddressesHideNoHoldersRefusalsInTheLog() {
        var ledger = RefusalLedger()
        let logged = (0..<5_000).filter { ledger.mayLog(.nobody, "peer \($0)", at: start) }
        #expect(logged.count == RefusalRhythm<String>.bound)
        let holders = [1, 1, 2].map { id in ledger.mayLog(Self.holder(id), "peer 0", at: start) }
        #expect(holders == [true, false, true])
    }

    @Test func budgetsOfHoldersAreBoundedInNumber() {
        var ledger = RefusalLedger()
        for id in 1...Int64(RefusalLedger.holders) { _ = ledger.audit(Self.holder(id), at: start) }
        let further = Int64(RefusalLedger.holders) + 1
        let shared = (0..<RefusalBudget.burst).compactMap { _ in ledger.audit(Self.holder(further), at: start) }
        #expect(shared.count == RefusalBudget.burst)
        // Those beyond share one.
        let crowded = [further + 1, 1].map { id in ledger.audit(Self.holder(id), at: start) }
        #expect(crowded == [nil, 0])
        // Budgets that are whole again make room.
        let later = (0..<RefusalBudget.burst).compactMap { _ in
            ledger.audit(Self.holder(further + 2), at: start + .seconds(1_000))
        }
        #expect(later.count == RefusalBudget.burst)
    }
}
