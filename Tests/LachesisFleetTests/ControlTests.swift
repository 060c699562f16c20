import Foundation
import LachesisMessaging
import LachesisModel
import LachesisWire
import Logging
import Synchronization
import Testing

@testable import LachesisFleet

/// What administrators do to workers, over a host that the test plays itself.
@Suite(.serialized, .timeLimit(.minutes(2))) struct ControlTests {
    private let battery: BatteryName
    private let storage = MemoryStorage()
    private let hub: MessageHub
    private let roster: HostRoster
    private let fleet: Fleet

    init() throws {
        battery = try BatteryName("cell")
        hub = try MessageHub(endpoint: "ipc:///tmp/lachesis-control-test-\(getpid())-\(UInt32.random(in: 0 ... .max))")
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        roster = HostRoster(hub: hub, session: 1, logger: logger)
        var configuration = FleetConfiguration()
        configuration.workers = 1
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

    private func register(on host: FakeHost) async throws -> Epoch {
        let registration = Registration(battery: battery, plugin: "kalman", definition: "x", files: [])
        async let registered = fleet.register(registration)
        let (epoch, _) = try await host.build()
        _ = try await registered
        return epoch
    }

    private func store(upTo sequence: Int64) {
        storage.state.withLock { $0.lastSequence = sequence }
        fleet.recordsStored(battery, last: sequence)
    }

    private func refusal(_ order: WorkerControl) async throws -> String {
        do {
            _ = try await fleet.control(battery, order)
        } catch let error as FleetError {
            return error.description
        }
        return "nothing"
    }

    @Test func aPausedWorkerIsFedNothingUntilItIsResumed() async throws {
        try await whileFleetRuns {
            let host = FakeHost(connecting: hub.endpoint, pid: 1)
            let epoch = try await register(on: host)
            #expect(try await fleet.control(battery, .pause) == .paused)
            store(upTo: 5)
            #expect(fleet.board.status(of: battery)?.waiting == 5)
            #expect(fleet.board.status(of: battery)?.isReady == false)
            // What comes next is the checkpoint that was asked for, and no record.
            async let saved = fleet.control(battery, .checkpoint)
            #expect(try await saved == .paused, "nothing has happened since its start")
            #expect(try await fleet.control(battery, .resume) == .running)
            #expect(try await host.batch().records == 5)
            host.say(.message(epoch, .result, Answers.result(5, mean: 2)))
            async let checkpoint = fleet.control(battery, .checkpoint)
            #expect(try await host.batch() == BatchHeader(records: 0, columns: 1, asksForCheckpoint: true))
            host.say(.message(epoch, .result, Answers.result(0, mean: 2, checkpoint: [1, 7])))
            #expect(try await checkpoint == .running)
            #expect(storage.state.withLock { $0.holds } == [.paused, nil])
        }
    }

    @Test func aStoppedWorkerIsSavedEndedAndWokenByNoRecord() async throws {
        try await whileFleetRuns {
            let host = FakeHost(connecting: hub.endpoint, pid: 1)
            let first = try await register(on: host)
            store(upTo: 3)
            #expect(try await host.batch().records == 3)
            async let stopped = fleet.control(battery, .stop)
            // Halfway through a batch: what it has is answered first.
            host.say(.message(first, .result, Answers.result(3, mean: 2)))
            #expect(try await host.batch() == BatchHeader(records: 0, columns: 1, asksForCheckpoint: true))
            host.say(.message(first, .result, Answers.result(0, mean: 2, checkpoint: [1, 7])))
            host.say(.exited(first, WorkerExit(.stopped)))
            #expect(try await stopped == .stopped)
            store(upTo: 9)
            #expect(try await refusal(.pause).contains("stopped"))
            #expect(try await refusal(.restart).contains("stopped"))
            #expect(try await refusal(.checkpoint).contains("no process"))
            async let resumed = fleet.control(battery, .resume)
            let (second, state) = try await host.build()
            #expect(state == [7] && second > first)
            #expect([.starting, .running].contains(try await resumed))
            #expect(try await host.batch().records == 6)
        }
    }

    @Test(arguments: [[WorkerControl.restart], [.stop, .resume]])
    func aParkedEstimatorIsRevivedByOrders(orders: [WorkerControl]) async throws {
        try await whileFleetRuns {
            let host = FakeHost(connecting: hub.endpoint, pid: 1)
            var epoch = try await register(on: host)
            store(upTo: 1)
            for attempt in 1...RestartPolicy.attemptsAtOneRecord {
                _ = try await host.batch()
                host.say(.exited(epoch, WorkerExit(.ended, status: 3)))
                if attempt < RestartPolicy.attemptsAtOneRecord { (epoch, _) = try await host.build() }
            }
            while fleet.board.status(of: battery)?.phase != .parked { try await Task.sleep(for: .milliseconds(2)) }
            #expect(try await refusal(.resume).contains("parked"))
            async let revived: Void = { for order in orders { _ = try await fleet.control(battery, order) } }()
            (epoch, _) = try await host.build()
            try await revived
            #expect(try await host.batch().records == 1)
            host.say(.exited(epoch, WorkerExit(.ended, status: 3)))
            // It has all its attempts again.
            (epoch, _) = try await host.build()
            #expect(try await host.batch().records == 1)
        }
    }

    @Test func aPausedWorkerMakesRoomEvenIfItsStateCannotBeSavedAndIsSteppedAgain() async throws {
        try await whileFleetRuns {
            let host = FakeHost(connecting: hub.endpoint, pid: 1)
            let unsaved = Answers.result(0, mean: 2, checkpoint: [0] + Array("no".utf8))
            let first = try await register(on: host)
            store(upTo: 3)
            #expect(try await host.batch().records == 3)
            host.say(.message(first, .result, Answers.result(3, mean: 2)))
            async let checkpoint = refusal(.checkpoint)
            #expect(try await host.batch().asksForCheckpoint)
            host.say(.message(first, .result, unsaved))
            #expect(try await checkpoint.contains("no checkpoint was made"))
            #expect(try await fleet.control(battery, .pause) == .paused)
            store(upTo: 5)
            // There is one place.
            let other = Registration(battery: try BatteryName("other"), plugin: "kalman", definition: "x", files: [])
            async let registered = fleet.register(other)
            try await host.end(first)
            let (second, _) = try await host.build()
            _ = try await registered
            #expect(fleet.board.status(of: battery)?.phase == .paused)
            #expect(try await host.batch().records == 5)
            host.say(.message(second, .result, Answers.result(5, mean: 2)))
            async let resumed = fleet.control(battery, .resume)
            #expect(try await host.batch().asksForCheckpoint)
            host.say(.message(second, .result, unsaved))
            try await host.end(second)
            _ = try await host.build()
            _ = try await resumed
            #expect(try await host.batch().records == 5)
        }
    }

    @Test func whatIsHeldAtTheServersStartStaysSo() async throws {
        storage.state.withLock { state in
            state.lastSequence = 9
            state.registration = Registration(battery: battery, plugin: "kalman", definition: "x", files: [])
        }
        var estimator = RegisteredEstimator(
            battery: battery, version: 1, plugin: "kalman", description: Answers.description, cursor: 2,
            snapshot: Snapshot(mean: [9], covariance: [1]))
        estimator.hold = .paused
        fleet.restore([estimator])
        try await whileFleetRuns {
            let host = FakeHost(connecting: hub.endpoint, pid: 1)
            store(upTo: 10)
            #expect(fleet.board.status(of: battery)?.phase == .paused)
            #expect(try await fleet.control(battery, .stop) == .stopped)
            async let resumed = fleet.control(battery, .resume)
            _ = try await host.build()
            _ = try await resumed
            #expect(try await host.batch().records > 0)
        }
    }

    @Test func whoAsksForACheckpointWhileTheWorkerEndsIsToldThatThereIsNone() throws {
        let estimator = RegisteredEstimator(
            battery: battery, version: 1, plugin: "kalman", description: Answers.description, cursor: 2,
            snapshot: Snapshot(mean: [9], covariance: [1]))
        fleet.restore([estimator])
        let runner = try #require(fleet.runner(of: battery))
        runner.askForCheckpoint()
        #expect(runner.wish.withLock(\.checkpoint) == .missed("its process ended before"))
    }

    @Test func theHostsMeasurementsReachTheOverviewAndGoWithTheWorker() async throws {
        try await whileFleetRuns {
            let host = FakeHost(connecting: hub.endpoint, pid: 1)
            let epoch = try await register(on: host)
            store(upTo: 4)
            host.say(
                .usage([
                    WorkerUsage(epoch: epoch, memoryBytes: 8 << 20, cpuSeconds: 1.5),
                    WorkerUsage(epoch: epoch + 1, memoryBytes: 1, cpuSeconds: 1),
                ]))
            while try await fleet.overview(time: 100)[0].vital?.memoryBytes == nil {
                try await Task.sleep(for: .milliseconds(2))
            }
            let worker = try await fleet.overview(time: 100)[0]
            #expect(worker.vital?.memoryBytes == 8 << 20 && worker.vital?.cpuSeconds == 1.5)
            #expect(worker.status.waiting == 4 && worker.lagSeconds == 100)
            #expect(roster.vitals[epoch + 1] == nil)
            host.say(.exited(epoch, WorkerExit(.ended, status: 0)))
            while roster.vitals[epoch] != nil { try await Task.sleep(for: .milliseconds(2)) }
        }
    }
}
