import LachesisWire
import Testing

@testable import LachesisFleet

@Suite struct BatchPaceTests {
    private let start = ContinuousClock.now

    @Test func aBatchTakesTheSameTimeWhateverAStepCosts() {
        for (cost, expected) in [(Duration.microseconds(50), 256), (.milliseconds(2), 100), (.seconds(3), 1)] {
            var pace = BatchPace(now: start)
            #expect(pace.limit == BatchPace.firstLimit)
            var now = start
            for _ in 0..<10 {
                pace.begins(now)
                let count = pace.limit
                now += cost * count
                pace.answered(count, now)
            }
            #expect(pace.limit == expected)
        }
    }

    @Test func timeWithoutRecordsDoesNotCount() {
        var pace = BatchPace(now: start)
        pace.begins(start + .seconds(100))
        pace.answered(10, start + .seconds(100) + .milliseconds(10))
        #expect(pace.limit == 200)
        pace.answered(0, start + .seconds(200))
        #expect(pace.limit == 200, "a checkpoint alone is no record")
    }

    @Test func aStepThatBecomesSlowShowsSoon() {
        var pace = BatchPace(now: start)
        pace.answered(256, start + .milliseconds(1))
        pace.answered(1, start + .milliseconds(101))
        #expect(pace.limit <= 4)
        #expect(pace.limit <= WorkerMessageLimits.records)
    }
}
