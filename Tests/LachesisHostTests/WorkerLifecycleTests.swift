import LachesisWire
import TestSupport
import Testing

@testable import LachesisHost

@Suite struct WorkerLifecycleTests {
    typealias Action = WorkerLifecycle.Action

    /// A worker that is as far as the phase says, at time 0.
    private func worker(_ phase: WorkerLifecycle.Phase) -> WorkerLifecycle {
        var worker = WorkerLifecycle(Payloads.order(build: 60, step: 5), processors: 2)
        if phase == .waiting { return worker }
        worker.forkOrdered()
        if phase == .forking { return worker }
        _ = worker.forked(pid: 7, now: .zero)
        if phase == .loading { return worker }
        _ = worker.deliver(.build, [], now: .zero)
        if phase == .building { return worker }
        _ = worker.received(129, Payloads.ready(), now: .zero)
        return worker
    }

    private func finish(_ cause: WorkerExit.Cause, _ status: Int32?, _ detail: String = "") -> [Action] {
        [.finish(WorkerExit(cause, status: status, detail: detail))]
    }

    @Test func aWorkerIsStartedBuiltFedAndStopped() {
        var worker = WorkerLifecycle(Payloads.order(), processors: 2)
        #expect(worker.deliver(.file, [1], now: .zero) == [.enqueue])
        worker.forkOrdered()
        #expect(worker.deliver(.build, [1], now: .zero) == [.enqueue])
        #expect(worker.forked(pid: 7, now: .seconds(1)) == [.reportStarted(pid: 7)])
        #expect(worker.received(129, Payloads.ready(), now: .seconds(2)) == [.forward])
        #expect(worker.deadline == nil)
        #expect(worker.deliver(.batch, Payloads.batch(3), now: .seconds(3)) == [.enqueue])
        #expect(worker.received(131, Payloads.result(3), now: .seconds(4)) == [.forward])
        #expect(worker.deadline == nil)
        #expect(worker.stop() == [.kill])
        #expect(worker.ended(status: -9) == finish(.stopped, -9))
    }

    @Test func whoseMemoryWasUsedUpIsTold() {
        for (shortage, cause, detail) in [
            (MemoryShortage.ofWorker, WorkerExit.Cause.memoryLimit, "MiB"), (.ofMachine, .machineMemory, ""),
        ] {
            var worker = worker(.ready)
            worker.ranOutOfMemory(shortage)
            guard case .finish(let exit)? = worker.ended(status: -9).first else {
                Issue.record("it does not finish")
                continue
            }
            #expect(exit.cause == cause && exit.detail.hasSuffix(detail))
        }
        // What the host had decided before is what counts.
        var stopped = worker(.ready)
        _ = stopped.stop()
        stopped.ranOutOfMemory(.ofMachine)
        #expect(stopped.ended(status: -9) == finish(.stopped, -9))
    }

    @Test func theTimeToBuildBeginsWhenThereIsAProcess() {
        var worker = worker(.forking)
        _ = worker.deliver(.build, [], now: .zero)
        #expect(worker.deadline == nil)
        _ = worker.forked(pid: 7, now: .seconds(100))
        #expect(worker.check(now: .seconds(129)) == [])
        #expect(worker.check(now: .seconds(159)) == [.measure])
        #expect(worker.check(now: .seconds(160)) == [.kill])
        #expect(worker.ended(status: -9) == finish(.buildTimeout, -9, ""))
    }

    @Test func everyAnswerAndEveryBatchGivesNewTimeForAStep() {
        var worker = worker(.ready)
        _ = worker.deliver(.batch, Payloads.batch(2), now: .seconds(10))
        #expect(worker.deadline == .seconds(16))
        _ = worker.deliver(.batch, Payloads.batch(2), now: .seconds(11))
        #expect(worker.deadline == .seconds(17))
        _ = worker.received(131, Payloads.result(1), now: .seconds(14))
        #expect(worker.deadline == .seconds(20))
        #expect(worker.check(now: .seconds(20)) == [.kill])
        #expect(worker.ended(status: -9) == finish(.stepTimeout, -9, ""))
    }

    @Test func aNoticeIsPassedOnAndIsNoAnswer() {
        var worker = worker(.ready)
        #expect(worker.deliver(.batch, Payloads.batch(2), now: .seconds(10)) == [.enqueue])
        #expect(worker.received(132, Payloads.notice("off"), now: .seconds(14)) == [.forward])
        #expect(worker.deadline == .seconds(16), "the result is due as before")
        #expect(worker.received(131, Payloads.result(2), now: .seconds(15)) == [.forward])
        #expect(worker.received(132, Payloads.notice("off"), now: .seconds(15)) == [.kill])
        var building = self.worker(.building)
        #expect(building.received(132, Payloads.notice("off"), now: .zero) == [.kill])
    }

    @Test func aCheckpointMustComeInTheTimeOfAStep() {
        var worker = worker(.ready)
        #expect(worker.deliver(.batch, Payloads.batch(0, flags: 1), now: .zero) == [.enqueue])
        #expect(worker.deadline == .seconds(6))
        var prompt = worker
        #expect(prompt.received(131, Payloads.result(0, checkpoint: 9), now: .seconds(1)) == [.forward])
        #expect(prompt.deadline == nil)
        #expect(worker.check(now: .seconds(6)) == [.kill])
    }

    @Test func aStateIsTakenBeforeTheOrderToBuildAlone() {
        var worker = worker(.loading)
        #expect(worker.deliver(.restore, [1], now: .zero) == [.enqueue])
        _ = worker.deliver(.build, [], now: .zero)
        #expect(worker.deliver(.restore, [1], now: .zero) == [.kill])
    }

    @Test func aScriptThatIsBusyWhileItBuildsEndsAtItsProcessorTime() {
        var worker = WorkerLifecycle(Payloads.order(build: 60, buildCPU: 8, step: 5), processors: 2)
        worker.forkOrdered()
        _ = worker.deliver(.build, [], now: .zero)
        _ = worker.forked(pid: 7, now: .seconds(100))
        // Earlier it cannot have taken 8 s, with two processors.
        #expect(worker.deadline == .seconds(104))
        #expect(worker.check(now: .seconds(104)) == [.measure])
        #expect(worker.measured(.seconds(4), now: .seconds(104)) == [])
        #expect(worker.deadline == .seconds(106))
        #expect(worker.measured(.milliseconds(7_990), now: .seconds(108)) == [])
        #expect(worker.deadline == .milliseconds(108_050), "not all the time")
        #expect(worker.measured(.milliseconds(8_001), now: .seconds(109)) == [.kill])
        #expect(worker.ended(status: -9) == finish(.buildCPUTime, -9, ""))
    }

    @Test func aScriptThatSleepsWhileItBuildsEndsAtTheClocksTime() {
        var worker = WorkerLifecycle(Payloads.order(build: 10, buildCPU: 8, step: 5), processors: 1)
        worker.forkOrdered()
        _ = worker.forked(pid: 7, now: .zero)
        _ = worker.deliver(.build, [], now: .zero)
        #expect(worker.check(now: .seconds(8)) == [.measure])
        #expect(worker.measured(.milliseconds(1), now: .seconds(8)) == [])
        #expect(worker.check(now: .seconds(10)) == [.kill])
        #expect(worker.ended(status: -9) == finish(.buildTimeout, -9, ""))
    }

    @Test func whereProcessorTimeCannotBeToldTheClockStandsForIt() {
        var worker = WorkerLifecycle(Payloads.order(build: 60, buildCPU: 8, step: 5), processors: 1)
        worker.forkOrdered()
        _ = worker.forked(pid: 0, now: .seconds(1))
        _ = worker.deliver(.build, [], now: .seconds(1))
        #expect(worker.measured(nil, now: .seconds(8)) == [])
        #expect(worker.measured(nil, now: .seconds(9)) == [.kill])
    }

    @Test func theProcessorTimeOfStepsDoesNotCount() {
        var worker = worker(.ready)
        #expect(worker.measured(.seconds(1_000), now: .seconds(1_000)) == [])
        #expect(worker.deadline == nil)
    }

    @Test func noTimePassesForAWorkerThatIsNotRead() {
        var building = worker(.building)
        building.held(now: .seconds(10))
        #expect(building.deadline == nil && building.check(now: .seconds(1_000)) == [])
        building.released(now: .seconds(1_000))
        #expect(building.check(now: .seconds(1_049)) == [.measure])
        #expect(building.check(now: .seconds(1_050)) == [.kill])
        var ready = worker(.ready)
        _ = ready.deliver(.batch, Payloads.batch(2), now: .zero)
        ready.held(now: .seconds(1))
        ready.held(now: .seconds(2))
        ready.released(now: .seconds(101))
        #expect(ready.deadline == .seconds(106))
        ready.released(now: .seconds(500))
        #expect(ready.deadline == .seconds(106), "it was not held any more")
    }

    @Test func anIdleWorkerMayStayIdle() {
        for phase in [WorkerLifecycle.Phase.waiting, .forking, .loading, .ready] {
            #expect(worker(phase).deadline == nil)
        }
    }

    @Test(arguments: [
        (WorkerLifecycle.Phase.loading, UInt8(129)), (.loading, 131), (.building, 131), (.building, 0), (.building, 3),
        (.ready, 129),
        (.ready, 130), (.ready, 200),
    ])
    func aMessageAtTheWrongTimeEndsTheWorker(phase: WorkerLifecycle.Phase, kind: UInt8) {
        var worker = worker(phase)
        #expect(worker.received(kind, kind == 129 ? Payloads.ready() : [], now: .zero) == [.kill])
        #expect(
            worker.ended(status: -9) == finish(.protocolViolation, -9, "a message of kind \(kind) at the wrong time"))
    }

    @Test func answersToRecordsThatWereNeverSentEndTheWorker() {
        var worker = worker(.ready)
        _ = worker.deliver(.batch, Payloads.batch(2), now: .zero)
        #expect(worker.received(131, Payloads.result(3), now: .zero) == [.kill])
        #expect(worker.received(131, Payloads.result(2), now: .zero) == [], "after that it is not listened to")
    }

    @Test func aScriptThatFailedGivesItsWorkerTwoSeconds() {
        var worker = worker(.building)
        #expect(worker.received(130, [], now: .seconds(1)) == [.forward])
        var patient = worker
        #expect(patient.ended(status: 0) == finish(.ended, 0))
        #expect(worker.received(130, [], now: .seconds(1)) == [.kill], "it fails once")
    }

    @Test func aClosedConnectionMustBeFollowedByTheEnd() {
        var worker = worker(.ready)
        worker.closed(now: .seconds(1))
        #expect(worker.deliver(.batch, Payloads.batch(1), now: .seconds(1)) == [])
        var ending = worker
        #expect(ending.ended(status: 3) == finish(.ended, 3))
        #expect(worker.check(now: .seconds(3)) == [.kill])
        #expect(worker.ended(status: -9) == finish(.protocolViolation, -9, "it closed its connection and did not end"))
    }

    @Test func stoppingBeforeThereIsAProcessEndsAtOnce() {
        var waiting = worker(.waiting)
        #expect(waiting.stop() == finish(.stopped, nil))
        var forking = worker(.forking)
        #expect(forking.stop() == [.kill])
        #expect(forking.forked(pid: 7, now: .zero) == [], "it is not reported any more")
        #expect(forking.ended(status: -9) == finish(.stopped, -9))
    }

    @Test func whatTheDaemonMustNotSendEndsTheWorkerAndSaysSo() {
        var early = worker(.building)
        #expect(early.deliver(.batch, Payloads.batch(1), now: .zero) == [.kill])
        #expect(early.ended(status: -9) == finish(.lost, -9, "the daemon sent a message of kind 3 at the wrong time"))
        var twice = worker(.building)
        #expect(twice.deliver(.build, [], now: .zero) == [.kill])
        var malformed = worker(.ready)
        #expect(malformed.deliver(.batch, [1, 2, 3], now: .zero) == [.kill])
    }

    @Test func theFirstReasonStands() {
        var worker = worker(.ready)
        #expect(worker.violated("garbage") == [.kill])
        #expect(worker.stop() == [])
        #expect(worker.lost("its zygote died") == finish(.protocolViolation, nil, "garbage"))
    }

    @Test(arguments: 0..<200)
    func whateverHappensThereIsExactlyOneEndAndItIsTheLastWord(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        var worker = WorkerLifecycle(Payloads.order(build: 6, step: 5), processors: 2)
        var now = Duration.zero
        var actions: [Action] = []
        for _ in 0..<60 {
            now += .milliseconds(Int.random(in: 0...3000, using: &random))
            switch Int.random(in: 0..<18, using: &random) {
            case 0, 1: worker.forkOrdered()
            case 2, 3: actions += worker.forked(pid: 7, now: now)
            case 4: if worker.phase == .forking { actions += worker.forkFailed("no memory") }
            case 5, 6: actions += worker.deliver(.build, [], now: now)
            case 7: actions += worker.deliver(.file, [], now: now)
            case 8: actions += worker.deliver(.batch, Payloads.batch(Int.random(in: 1...4, using: &random)), now: now)
            case 9: actions += worker.received(129, Payloads.ready(), now: now)
            case 10: actions += worker.received(130, [], now: now)
            case 11: actions += worker.received(131, Payloads.result(Int.random(in: 1...4, using: &random)), now: now)
            case 12: actions += worker.check(now: now)
            case 13: worker.closed(now: now)
            case 14: actions += worker.measured(.milliseconds(Int.random(in: 0...4000, using: &random)), now: now)
            case 15: worker.held(now: now)
            case 16: worker.released(now: now)
            case 17: if Int.random(in: 0..<8, using: &random) == 0 { actions += worker.stop() }
            default: if worker.phase == .killed { actions += worker.ended(status: -9) }
            }
        }
        actions += worker.lost("its zygote died")
        actions += worker.lost("its zygote died")
        let ends = actions.indices.filter { if case .finish = actions[$0] { true } else { false } }
        #expect(ends == [actions.count - 1])
        #expect(actions.count { $0 == .kill } <= 1)
        #expect(actions.count { $0 == .reportStarted(pid: 7) } <= 1)
        #expect(worker.phase == .finished && worker.deadline == nil)
    }
}
