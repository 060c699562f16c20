import Testing

@testable import LachesisHost

@Suite struct OutputBudgetTests {
    @Test func aFloodIsCutAndToldOf() {
        var budget = OutputBudget(now: .zero)
        #expect(budget.take(OutputBudget.rate + 10, now: .zero) == (OutputBudget.rate, 0))
        #expect(budget.take(1_000, now: .zero) == (0, 0))
        let (passed, dropped) = budget.take(500, now: .seconds(1))
        #expect(passed == 500 && dropped == 1_010)
        #expect(budget.take(1, now: .seconds(1)) == (1, 0))
    }

    @Test func whoWritesByteByByteIsCutToo() {
        var budget = OutputBudget(now: .zero)
        let passed = (0..<10_000).reduce(0) { passed, _ in passed + budget.take(1, now: .zero).passed }
        #expect(passed == OutputBudget.rate / OutputBudget.least)
        #expect(budget.takeDropped() == 10_000 - passed)
        #expect(budget.takeDropped() == 0)
    }

    @Test func whatIsSaidSlowlyIsAllPassedOn() {
        var budget = OutputBudget(now: .zero)
        for second in 1...1_000 {
            let (passed, dropped) = budget.take(60_000, now: .seconds(second))
            #expect(passed == 60_000 && dropped == 0)
        }
    }
}
