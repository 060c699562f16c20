import LachesisWire
import Testing

@testable import LachesisHost

@Suite struct ZygoteLifecycleTests {
    private func zygote() -> ZygoteLifecycle {
        ZygoteLifecycle(name: "tiny", warmTime: .seconds(120), forkTime: .seconds(10))
    }

    private func readyZygote() -> ZygoteLifecycle {
        var zygote = zygote()
        _ = zygote.check(now: .zero)
        _ = zygote.warmed(now: .zero)
        return zygote
    }

    private func report(_ state: PluginReport.State, _ detail: String? = nil) -> ZygoteLifecycle.Action {
        .report(PluginReport(name: "tiny", state: state, detail: detail))
    }

    @Test func itIsStartedAtOnceAndReportedWhenWarm() {
        var zygote = zygote()
        #expect(zygote.report.state == .warming)
        #expect(zygote.check(now: .zero) == [.start, report(.warming)])
        #expect(zygote.warmed(now: .seconds(1)) == [report(.ready), .sendOrders])
        #expect(zygote.deadline == nil)
    }

    @Test func oneThatCannotImportIsTriedAgainEverMoreSeldomAndStaysFailedMeanwhile() {
        var zygote = zygote()
        var now = Duration.zero
        for delay in [5, 10, 20, 40, 80, 160, 300, 300] {
            #expect(zygote.check(now: now).first == .start)
            #expect(zygote.failedToWarm("no module", now: now) == [])
            #expect(
                zygote.ended("it ended with status 1", now: now) == [
                    report(.failed, "no module"), .refuseHeld("no module"),
                ])
            #expect(zygote.failure == "no module")
            #expect(zygote.check(now: now + .seconds(delay) - .milliseconds(1)) == [])
            now += .seconds(delay)
        }
        #expect(zygote.check(now: now) == [.start])
        #expect(zygote.warmed(now: now) == [report(.ready), .sendOrders])
        #expect(zygote.failure == nil)
    }

    @Test func oneThatHadWorkedIsBackSoonAndWhatWaitsForItGoesOnWaiting() {
        var zygote = readyZygote()
        let why = "it was ended by signal 9"
        #expect(
            zygote.ended(why, now: .seconds(5)) == [
                .loseWorkers("the plugin's zygote died: \(why)"), report(.warming, why),
            ])
        #expect(zygote.failure == nil)
        #expect(zygote.deadline == .seconds(5) + .milliseconds(250))
        #expect(zygote.check(now: .seconds(6)) == [.start, report(.warming)])
        _ = zygote.warmed(now: .seconds(7))
        _ = zygote.ended(why, now: .seconds(8))
        #expect(zygote.deadline == .seconds(8) + .milliseconds(500), "twice as long the second time")
        _ = zygote.check(now: .seconds(9))
        _ = zygote.warmed(now: .seconds(10))
        _ = zygote.ended(why, now: .seconds(70))
        #expect(zygote.deadline == .seconds(70) + .milliseconds(250), "after a minute of work it counts anew")
    }

    @Test func importingWithoutEndIsEnded() {
        var zygote = zygote()
        _ = zygote.check(now: .zero)
        #expect(zygote.check(now: .seconds(120)) == [.kill])
        let why = "its packages were not imported within 120.0 seconds"
        #expect(
            zygote.ended("it was ended by signal 9", now: .seconds(121)) == [report(.failed, why), .refuseHeld(why)])
    }

    @Test func anOrderToForkMustBeAnswered() {
        var zygote = readyZygote()
        zygote.forkSent(now: .seconds(1))
        zygote.forkSent(now: .seconds(3))
        #expect(zygote.deadline == .seconds(11))
        #expect(zygote.forkAnswered() == [.sendOrders])
        #expect(zygote.deadline == .seconds(13))
        #expect(zygote.check(now: .seconds(13)) == [.kill])
        #expect(zygote.check(now: .seconds(14)) == [], "once is enough")
    }

    @Test func answersThatNobodyAskedForEndIt() {
        var early = zygote()
        _ = early.check(now: .zero)
        #expect(early.forkAnswered() == [.kill])
        var twice = readyZygote()
        #expect(twice.warmed(now: .zero) == [.kill])
    }
}
