import Testing

@testable import LachesisFleet

@Suite struct CheckpointPlanTests {
    private let start = ContinuousClock.now

    private func plan(share: Double = 1) -> CheckpointPlan {
        var configuration = FleetConfiguration()
        (configuration.checkpointRecords, configuration.checkpointInterval) = (200, .seconds(30))
        return CheckpointPlan(configuration, savedCursor: 0, share: share, now: start)
    }

    @Test func recordsOrTimeAskForACheckpoint() {
        var plan = plan()
        #expect(plan.send(199, now: start) == false)
        #expect(plan.send(1, now: start) == true)
        #expect(plan.send(1, now: start + .seconds(29)) == false)
        #expect(plan.send(1, now: start + .seconds(30)) == true)
        #expect(!plan.isDue(start + .seconds(31)))
    }

    @Test func aShareOfTheIntervalIsEnough() {
        var plan = plan(share: 0.75)
        #expect(plan.send(1, now: start + .seconds(22)) == false)
        #expect(plan.send(1, now: start + .seconds(22.5)) == true)
        #expect(plan.due == start + .seconds(45))
    }

    @Test func whatIsSavedNeedNotBeSavedAgain() {
        var plan = plan()
        #expect(plan.isUnsaved(at: 5))
        plan.saved(at: 5)
        #expect(!plan.isUnsaved(at: 5) && plan.isUnsaved(at: 6))
    }

    @Test func whatCannotBeSavedIsTriedAgainAfterSomeTimeOnly() {
        var plan = plan()
        _ = plan.send(200, now: start)
        plan.failed(at: 200)
        #expect(!plan.isPossible && !plan.isUnsaved(at: 200))
        #expect(plan.send(500, now: start + .seconds(1)) == false)
        #expect(plan.send(1, now: start + .seconds(31)) == true)
        plan.saved(at: 701)
        #expect(plan.isPossible)
    }
}
