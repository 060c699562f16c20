import CZeroMQ
import Foundation
import LachesisModel
import LachesisWire
import Logging
import Synchronization
import Testing

@testable import LachesisFleet
@testable import LachesisMessaging

/// The fleet over hosts that the test plays itself: what no real host does, or does rarely.
@Suite(.serialized, .timeLimit(.minutes(2))) struct FleetTests {
    private let battery: BatteryName
    private let storage = MemoryStorage()
    private let hub: MessageHub
    private let roster: HostRoster
    private let fleet: Fleet

    init() throws {
        battery = try BatteryName("cell")
        hub = try MessageHub(endpoint: "ipc:///tmp/lachesis-fleet-test-\(getpid())-\(UInt32.random(in: 0 ... .max))")
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        roster = HostRoster(hub: hub, session: 1, logger: logger)
        var configuration = FleetConfiguration()
        configuration.checkpointRecords = 10
        fleet = Fleet(
            storage: storage, roster: roster, limits: Limits(), configuration: configuration, logger: logger)
    }

    private func whileFleetRuns(_ body: @Sendable () async throws -> Void) async throws {
        try await withThrowingTaskGroup { group in
            group.addTask { [fleet] in try await fleet.run() }
            try await body()
            group.cancelAll()
        }
        hub.close()
        unlink(hub.endpoint.replacingOccurrences(of: "ipc://", with: ""))
    }

    private func register(on host: FakeHost, _ ready: [UInt8] = Answers.ready()) async throws -> Epoch {
        let registration = Registration(battery: battery, plugin: "kalman", definition: "x", files: [])
        async let registered = fleet.register(registration)
        let (epoch, _) = try await host.build(ready)
        _ = try await registered
        return epoch
    }

    private func store(upTo sequence: Int64) {
        storage.state.withLock { $0.lastSequence = sequence }
        fleet.recordsStored(battery, last: sequence)
    }

    private func wait(_ what: String, _ question: () -> Bool) async throws {
        for _ in 0..<20_000 {
            if question() { return }
            try await Task.sleep(for: .milliseconds(2))
        }
        Issue.record("there was never: \(what)")
    }

    /// Has the next record stored and stepped.
    private func step(_ sequence: Int64, by epoch: Epoch, on host: FakeHost) async throws {
        store(upTo: sequence)
        #expect(try await host.batch().records == 1)
        host.say(.message(epoch, .result, Answers.result(1, after: Int(sequence) - 1, mean: 1)))
        try await wait("a result") { fleet.board.status(of: battery)?.estimator.cursor == sequence }
    }

    @Test func aFleetThatCannotHearItsHostsEnds() async throws {
        let running = Task { [fleet] in try await fleet.run() }
        let host = FakeHost(connecting: hub.endpoint, pid: 101)
        let epoch = try await register(on: host)
        try await step(1, by: epoch, on: host)
        zmq_ctx_shutdown(hub.router.context)
        await #expect(throws: MessagingError.self) { try await running.value }
        unlink(hub.endpoint.replacingOccurrences(of: "ipc://", with: ""))
    }

    @Test func feedersRunOnTheThreadThatHearsTheHosts() async throws {
        try await whileFleetRuns {
            let host = FakeHost(connecting: hub.endpoint, pid: 101)
            let epoch = try await register(on: host)
            for sequence in 1...3 as ClosedRange<Int64> { try await step(sequence, by: epoch, on: host) }
            let readers = storage.state.withLock(\.readers)
            let (threads, ended) = AsyncStream.makeStream(of: pthread_t.self)
            roster.whenEnded(epoch) { ended.yield(pthread_self()) }
            host.say(.exited(epoch, WorkerExit(.ended, status: 0)))
            let hearing = await threads.first { _ in true }
            #expect(readers == [try #require(hearing)])
        }
    }

    @Test func aWorkerThatWasReplacedChangesNothingWhateverItSaysLater() async throws {
        try await whileFleetRuns {
            let stopped = FakeHost(connecting: hub.endpoint, pid: 101)
            let old = try await register(on: stopped)
            store(upTo: 3)
            #expect(try await stopped.batch().records == 3)
            // It is stopped before it answers; its place is taken.
            roster.hostEnded(pid: 101)
            let next = FakeHost(connecting: hub.endpoint, pid: 102)
            let (new, _) = try await next.build()
            #expect(new > old)
            #expect(try await next.batch().records == 3)
            next.say(.message(new, .result, Answers.result(3, mean: 7)))
            try await wait("a result") { fleet.board.status(of: battery)?.estimator.cursor == 3 }
            // Now it goes on.
            stopped.say(.message(old, .result, Answers.result(3, mean: -1)))
            stopped.say(.exited(old, WorkerExit(.ended, status: 0)))
            store(upTo: 4)
            #expect(try await next.batch().records == 1)
            next.say(.message(new, .result, Answers.result(1, after: 3, mean: 8)))
            try await wait("the next result") { fleet.board.status(of: battery)?.estimator.cursor == 4 }
            #expect(storage.state.withLock { $0.commits.map(\.epoch) } == [new, new])
            #expect(fleet.board.status(of: battery)?.estimator.snapshot.mean == [8])
            #expect(fleet.board.status(of: battery)?.restarts == 1)
        }
    }

    @Test func aNewWorkerGoesOnFromTheCheckpoint() async throws {
        try await whileFleetRuns {
            let host = FakeHost(connecting: hub.endpoint, pid: 1)
            let first = try await register(on: host)
            store(upTo: 12)
            let batch = try await host.batch()
            #expect(batch == BatchHeader(records: 12, columns: 1, asksForCheckpoint: true))
            host.say(.message(first, .result, Answers.result(12, mean: 5, checkpoint: [1, 42])))
            try await wait("a checkpoint") { fleet.board.status(of: battery)?.checkpointCursor == 12 }
            #expect(storage.state.withLock { $0.commits[0].checkpoint?.cursor } == 12)
            store(upTo: 15)
            #expect(try await host.batch().records == 3)
            host.say(.message(first, .result, Answers.result(3, after: 12, mean: 6)))
            try await wait("a result") { fleet.board.status(of: battery)?.estimator.cursor == 15 }
            host.say(.exited(first, WorkerExit(.ended, status: -9)))
            let (second, state) = try await host.build()
            #expect(state == [42])
            #expect(try await host.batch().records == 3)
            #expect(fleet.board.status(of: battery)?.phase == .replaying)
            #expect(fleet.board.status(of: battery)?.estimator.snapshot.mean == [6], "its last word stays")
            host.say(.message(second, .result, Answers.result(2, after: 12, mean: 5.5)))
            try await wait("a replayed result") { storage.state.withLock { $0.commits.count } == 3 }
            #expect(storage.state.withLock { $0.commits[2].progress?.cursor } == nil)
            #expect(storage.state.withLock { $0.commits[2].rows.sequences } == [13, 14])
        }
    }

    @Test func recordsOfWhichOneEndedTheProcessAreFedOneByOne() async throws {
        try await whileFleetRuns {
            let host = FakeHost(connecting: hub.endpoint, pid: 1)
            let first = try await register(on: host)
            store(upTo: 5)
            #expect(try await host.batch().records == 5)
            host.say(.message(first, .result, Answers.result(2, mean: 1)))
            try await wait("a result") { fleet.board.status(of: battery)?.estimator.cursor == 2 }
            host.say(.exited(first, WorkerExit(.ended, status: -11)))
            _ = try await host.build()
            var sizes: [Int] = []
            for _ in 0..<2 { sizes.append(try await host.batch().records) }
            #expect(sizes == [2, 1], "both that it had answered at once, then one of those behind")
        }
    }

    @Test func aStateThatCannotBeUsedIsDiscardedForTheOneBefore() async throws {
        storage.state.withLock { state in
            state.checkpoints = ([1, 2] as [Int64]).map { number in
                let snapshot = Snapshot(mean: [Double(number)], covariance: [1])
                return StoredCheckpoint(
                    id: number, content: Checkpoint(cursor: 10 * number, snapshot: snapshot, state: [UInt8(number)]))
            }
            state.checkpoints.append(StoredCheckpoint(id: 3, content: nil))
            state.lastSequence = 20
            state.registration = Registration(battery: battery, plugin: "kalman", definition: "x", files: [])
        }
        fleet.restore([
            RegisteredEstimator(
                battery: battery, version: 1, plugin: "kalman", description: Answers.description, cursor: 20,
                snapshot: Snapshot(mean: [9], covariance: [1]))
        ])
        try await whileFleetRuns {
            let host = FakeHost(connecting: hub.endpoint, pid: 1)
            guard case .start(let first, _)? = await host.next() else { throw WireError("no start") }
            guard case .deliver(first, .restore, [2])? = await host.next() else { throw WireError("no state") }
            _ = await host.next()
            host.say(.message(first, .failed, Array(#"{"error": "bad magic", "checkpoint": true}"#.utf8)))
            host.say(.exited(first, WorkerExit(.ended, status: 0)))
            let (_, state) = try await host.build()
            #expect(state == [1])
            #expect(try await host.batch().records == 10)
            #expect(storage.state.withLock { $0.checkpoints.map(\.id) } == [1])
            let status = fleet.board.status(of: battery)
            #expect(status?.checkpointProblem?.contains("bad magic") == true && status?.checkpointCursor == 10)
            #expect(status?.isReady == false && status?.estimator.snapshot.mean == [9])
        }
    }

    private var acceleration: AccelerationState? { fleet.board.status(of: battery)?.estimator.accelerationState }

    @Test func aStepThatDifferedIsToldStoredAndNotTriedAgain() async throws {
        try await whileFleetRuns {
            let host = FakeHost(connecting: hub.endpoint, pid: 1)
            let first = try await register(on: host, Answers.ready(acceleration: "full"))
            #expect(host.order.withLock { $0?.acceleration } == .full)
            #expect(acceleration == AccelerationState(inUse: .full))
            store(upTo: 3)
            _ = try await host.batch()
            host.say(.message(first, .notice, Answers.notice("shortcuts")))
            try await wait("the notice in the status") { acceleration?.inUse == .shortcuts }
            #expect(acceleration?.reason == "step 9 differed" && acceleration?.disagreements.count == 1)
            host.say(.message(first, .result, Answers.result(2, mean: 1)))
            try await wait("a commit") { storage.state.withLock { $0.commits.count } == 1 }
            #expect(storage.state.withLock { $0.commits[0].acceleration } == acceleration)
            host.say(.exited(first, WorkerExit(.lost)))
            let (second, _) = try await host.build(Answers.ready(acceleration: "shortcuts"))
            #expect(host.order.withLock { $0?.acceleration } == .shortcuts)
            _ = try await host.batch()
            host.say(.message(second, .result, Answers.result(3, mean: 1)))
            try await wait("a result") { fleet.board.status(of: battery)?.estimator.cursor == 3 }
            #expect(acceleration?.reason == "step 9 differed" && acceleration?.disagreements.count == 1)
        }
    }

    @Test(arguments: [("shortcuts", "full"), ("shortcuts", "shortcuts"), (nil, "off"), ("full", "none")])
    func aNoticeThatNoWorkerSendsEndsTheWorker(level: String?, next: String) async throws {
        try await whileFleetRuns {
            let host = FakeHost(connecting: hub.endpoint, pid: 1)
            let first = try await register(on: host, Answers.ready(acceleration: level))
            let before = acceleration
            store(upTo: 1)
            _ = try await host.batch()
            host.say(.message(first, .notice, Answers.notice(next)))
            try await host.end(first)
            #expect(acceleration == before)
            try await wait("the reason in the status") {
                fleet.board.status(of: battery)?.problem?.contains("the script's process sent") == true
            }
        }
    }

    @Test func aNoticeWhereNothingWasAskedEndsTheWorker() async throws {
        try await whileFleetRuns {
            let host = FakeHost(connecting: hub.endpoint, pid: 1)
            let first = try await register(on: host, Answers.ready(acceleration: "full"))
            host.say(.message(first, .notice, Answers.notice("off")))
            try await host.end(first)
            #expect(acceleration == AccelerationState(inUse: .full))
        }
    }

    @Test func resultsWaitForAStorageThatFails() async throws {
        try await whileFleetRuns {
            let host = FakeHost(connecting: hub.endpoint, pid: 1)
            let epoch = try await register(on: host)
            storage.state.withLock { $0.failures = 2 }
            store(upTo: 1)
            #expect(try await host.batch().records == 1)
            host.say(.message(epoch, .result, Answers.result(1, mean: 3)))
            try await wait("the problem in the status") { fleet.board.status(of: battery)?.problem != nil }
            try await wait("a commit") { storage.state.withLock { $0.commits.count } == 1 }
            try await wait("an end of the problem") { fleet.board.status(of: battery)?.problem == nil }
            #expect(fleet.board.status(of: battery)?.restarts == 0)
        }
    }
}
