import Testing

@testable import LachesisHost

@Suite struct OutputBudgetTests {
    private let rate = 64 << 10

    @Test func aFloodIsCutAndToldOf() {
        var budget = OutputBudget(rate: rate, now: .zero)
        #expect(budget.take(rate + 10, now: .zero) == (rate, 0))
        #expect(budget.take(1_000, now: .zero) == (0, 0))
        let (passed, dropped) = budget.take(500, now: .seconds(1))
        #expect(passed == 500 && dropped == 1_010)
        #expect(budget.take(1, now: .seconds(1)) == (1, 0))
    }

    @Test func whoWritesByteByByteIsCutToo() {
        var budget = OutputBudget(rate: rate, now: .zero)
        let passed = (0..<10_000).reduce(0) { passed, _ in passed + budget.take(1, now: .zero).passed }
        #expect(passed == rate / OutputBudget.least)
        #expect(budget.takeDropped() == 10_000 - passed)
        #expect(budget.takeDropped() == 0)
    }

    @Test func whatIsSaidSlowlyIsAllPassedOn() {
        var budget = OutputBudget(rate: rate, now: .zero)
        for second in 1...1_000 {
            let (passed, dropped) = budget.take(60_000, now: .seconds(second))
            #expect(passed == 60_000 && dropped == 0)
        }
    }

    @Test func aLongSilenceEarnsNoMoreThanASecond() {
        var budget = OutputBudget(rate: 1_000, now: .zero)
        #expect(budget.take(1_000, now: .zero) == (1_000, 0))
        #expect(budget.take(5_000, now: .seconds(1 << 60)) == (1_000, 0))
    }
}
