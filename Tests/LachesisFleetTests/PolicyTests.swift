import LachesisModel
import LachesisWire
import Testing

@testable import LachesisFleet

@Suite struct RestartPolicyTests {
    @Test func theDelayDoublesUpToItsBound() {
        var policy = RestartPolicy()
        var delays: [Duration] = []
        for _ in 0..<12 {
            guard case .restart(let delay) = policy.workerEnded(isScriptsDoing: false) else { return }
            delays.append(delay)
        }
        #expect(delays.prefix(3) == [.milliseconds(100), .milliseconds(200), .milliseconds(400)])
        #expect(delays.last == RestartPolicy.longestDelay)
        #expect(policy.restarts == 12)
    }

    @Test func progressStartsAfresh() {
        var policy = RestartPolicy()
        policy.advanced(to: 1)
        _ = policy.workerEnded(isScriptsDoing: true)
        _ = policy.workerEnded(isScriptsDoing: true)
        policy.advanced(to: 2)
        #expect(policy.workerEnded(isScriptsDoing: true) == .restart(after: RestartPolicy.firstDelay))
    }

    @Test func endingBeforeThePlaceOfTheLastEndIsNoProgress() {
        var policy = RestartPolicy()
        for position: Int64 in [100, 60, 99, 80] {
            policy.advanced(to: position)
            #expect(policy.workerEnded(isScriptsDoing: true) != .park)
        }
        policy.advanced(to: 100)
        #expect(policy.workerEnded(isScriptsDoing: true) == .park)
        #expect(policy.position == 100)
    }

    @Test func aScriptThatEndsAtOneRecordAgainAndAgainIsParked() {
        var policy = RestartPolicy()
        for _ in 1..<RestartPolicy.attemptsAtOneRecord {
            policy.advanced(to: 9)
            #expect(policy.workerEnded(isScriptsDoing: true) != .park)
        }
        #expect(policy.workerEnded(isScriptsDoing: true) == .park)
    }
}

@Suite struct BlameTests {
    @Test func aMachineWithoutMemoryIsNoneOfTheScriptsDoing() {
        #expect(WorkerExit(.memoryLimit, status: -9).isScriptsDoing && WorkerExit(.ended, status: -9).isScriptsDoing)
        #expect(!WorkerExit(.machineMemory, status: -9).isScriptsDoing)
    }

    @Test func aTimeoutIsToldOnce() {
        let order = WorkerOrder(
            plugin: "kalman", label: "cell", version: 1, limits: WorkerLimits(ScriptLimits(), within: Limits()))
        let told = WorkerExit(.stepTimeout, status: -9).explanation(order)
        #expect(told == "a step took longer than 5.0 s (step_timeout); the process was ended")
    }
}

@Suite struct FeedWindowTests {
    private func records(_ sequences: ClosedRange<Int64>) -> RecordMatrix {
        RecordMatrix(sequences: Array(sequences), values: sequences.flatMap { [Double($0), 0] })
    }

    @Test func twoBatchesFillIt() {
        var window = FeedWindow(after: 0)
        window.send(records(1...3), checkpoint: false)
        #expect(window.hasRoom && !window.isQuiet)
        window.send(records(4...5), checkpoint: false)
        #expect(!window.hasRoom && window.sent == 5)
        #expect(window.answer(2, checkpoint: false)?.sequences == [1, 2])
        #expect(!window.hasRoom && window.answered == 2)
        let across = window.answer(2, checkpoint: false)
        #expect(across?.sequences == [3, 4] && across?.testTimes == [3, 4])
        #expect(window.hasRoom)
    }

    @Test func aForgedAnswerIsRefused() {
        var window = FeedWindow(after: 7)
        #expect(window.answer(1, checkpoint: false) == nil)
        window.send(records(8...8), checkpoint: false)
        #expect(window.answer(0, checkpoint: false) == nil)
        #expect(window.answer(2, checkpoint: false) == nil)
        #expect(window.answered == 7)
        #expect(window.answer(1, checkpoint: false)?.sequences == [8])
        #expect(window.answer(0, checkpoint: true) == nil, "none was asked for")
    }

    @Test func aCheckpointBelongsToTheRecordBehindWhichItWasAskedFor() {
        var window = FeedWindow(after: 0)
        window.send(records(1...3), checkpoint: true)
        #expect(window.answer(2, checkpoint: false) != nil && !window.isQuiet)
        var early = window
        #expect(early.answer(0, checkpoint: true) == nil, "the third record is not answered")
        #expect(window.answer(1, checkpoint: true)?.sequences == [3])
        #expect(window.isQuiet)
        window.send(RecordMatrix(), checkpoint: true)
        #expect(!window.isQuiet && window.hasRoom)
        #expect(window.answer(0, checkpoint: true)?.count == 0)
        #expect(window.isQuiet)
    }
}

@Suite struct StatusBoardTests {
    private func estimator(_ name: String, version: Int = 1) throws -> RegisteredEstimator {
        RegisteredEstimator(
            battery: try BatteryName(name), version: version, plugin: "kalman",
            description: EstimatorDescription(
                className: "K", stateNames: ["q"], outputNames: ["v"], columns: ["test_time"]),
            cursor: 0, snapshot: Snapshot(mean: [1e-5], covariance: [0.1]))
    }

    @Test func theBodyIsRenderedAnewAfterAChangeOnly() throws {
        let board = StatusBoard()
        #expect(board.body().bytes == Array("{}".utf8))
        board.install(EstimatorStatus(estimator: try estimator("b"), phase: .running, lastSequence: 3))
        let first = String(decoding: board.body().bytes, as: UTF8.self)
        #expect(
            first.contains(#""is_ready":true"#) && first.contains(#""mean":[1e-05]"#) && first.contains(#""waiting":3"#)
        )
        #expect(first.contains(#""covariance":[[0.1]]"#) && first.contains(#""latest_time":null"#))
        board.update(try BatteryName("b"), version: 1) { $0.estimator.cursor = 2 }
        #expect(String(decoding: board.body().bytes, as: UTF8.self).contains(#""waiting":1"#))
    }

    @Test func aTagIsOfOneBodyAlone() throws {
        let (board, b, c) = (StatusBoard(), try BatteryName("b"), try BatteryName("c"))
        #expect(board.tag(of: b) == nil && board.body(of: b) == nil)
        var tags = [board.tag]
        board.install(EstimatorStatus(estimator: try estimator("b"), phase: .running, lastSequence: 3))
        tags.append(board.tag)
        let first = try #require(board.body(of: b))
        #expect(board.body().tag == board.tag && first.tag == board.tag(of: b))
        board.install(EstimatorStatus(estimator: try estimator("c"), phase: .running, lastSequence: 0))
        tags.append(board.tag)
        #expect(board.tag(of: b) == first.tag)
        board.update(b, version: 1) { $0.estimator.cursor = 2 }
        tags.append(board.tag)
        let second = try #require(board.body(of: b))
        #expect(second.tag != first.tag && second.bytes != first.bytes)
        #expect(board.body(of: b)?.bytes == second.bytes)
        // One that is removed and comes again does not get the tags that it had.
        board.remove(b)
        tags.append(board.tag)
        board.install(EstimatorStatus(estimator: try estimator("b"), phase: .running, lastSequence: 0))
        #expect(board.tag(of: b) != first.tag && board.tag(of: b) != second.tag && board.tag(of: c) != nil)
        #expect(Set(tags).count == tags.count)
        #expect(StatusBoard().tag != StatusBoard().tag)
    }

    @Test func anOldVersionsWordIsNotHeard() throws {
        let board = StatusBoard()
        board.install(EstimatorStatus(estimator: try estimator("b", version: 2), phase: .running, lastSequence: 0))
        board.update(try BatteryName("b"), version: 1) { $0.phase = .parked }
        #expect(board.phases() == [.running])
    }
}
