import LachesisWire
import Testing

@testable import LachesisFleet

@Suite struct BatchPaceTests {
    private let start = ContinuousClock.now

    @Test func aBatchTakesTheSameTimeWhateverAStepCosts() {
        for (cost, expected) in [(Duration.microseconds(50), 256), (.milliseconds(2), 100), (.seconds(3), 1)] {
            var pace = BatchPace()
            #expect(pace.limit == BatchPace.firstLimit)
            var now = start
            for _ in 0..<10 {
                pace.sends(now)
                let count = pace.limit
                now += cost * count
                pace.answered(count, now)
            }
            #expect(pace.limit == expected)
        }
    }

    @Test func timeWithoutRecordsDoesNotCount() {
        var pace = BatchPace()
        pace.sends(start + .seconds(100))
        pace.answered(10, start + .seconds(100) + .milliseconds(10))
        #expect(pace.limit == 200)
        pace.sends(start + .seconds(200))
        // Records that come while a state is being saved wait for that, and not for what was before.
        pace.sends(start + .seconds(200))
        #expect(pace.answered(0, start + .seconds(201)) == nil)
        #expect(pace.limit == 200, "a checkpoint alone is no record")
        #expect(pace.answered(10, start + .seconds(201) + .milliseconds(20)) == .milliseconds(2))
    }

    @Test func aBatchBeginsWhenItIsSentOrTheOneBeforeIsDone() {
        var pace = BatchPace()
        pace.sends(start)
        pace.sends(start)
        #expect(pace.answered(10, start + .milliseconds(10)) == .milliseconds(1))
        #expect(pace.answered(10, start + .milliseconds(30)) == .milliseconds(2))
        // Both were taken late, and the third batch was sent between.
        pace.sends(start + .seconds(60))
        #expect(pace.answered(10, start + .seconds(60) + .milliseconds(30)) == .milliseconds(3))
        pace.sends(start + .seconds(70))
        #expect(pace.answered(1, start + .seconds(69)) == .zero, "clocks are read by two threads")
    }

    @Test func aStepThatBecomesSlowShowsSoon() {
        var pace = BatchPace()
        for _ in 0..<2 { pace.sends(start) }
        pace.answered(256, start + .milliseconds(1))
        pace.answered(1, start + .milliseconds(101))
        #expect(pace.limit <= 4)
        #expect(pace.limit <= WorkerMessageLimits.records)
    }
}
