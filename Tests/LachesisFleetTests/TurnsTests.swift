import Foundation
import LachesisMessaging
import LachesisModel
import LachesisWire
import Logging
import Synchronization
import Testing

@testable import LachesisFleet

/// Who is sent records when several have some, over a host that the test plays.
@Suite(.serialized, .timeLimit(.minutes(2))) struct TurnsTests {
    private let storage = MemoryStorage()
    private let hub: MessageHub
    private let fleet: Fleet

    init() throws {
        hub = try MessageHub(endpoint: "ipc:///tmp/lachesis-turns-test-\(getpid())-\(UInt32.random(in: 0 ... .max))")
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        var configuration = FleetConfiguration()
        // Two of those far behind at a time.
        configuration.processors = 1
        configuration.checkpointRecords = 1_000_000
        fleet = Fleet(
            storage: storage, roster: HostRoster(hub: hub, session: 1, logger: logger), limits: Limits(),
            configuration: configuration, logger: logger)
    }

    private func whileFleetRuns(_ body: @Sendable (FakeHost) async throws -> Void) async throws {
        try await withThrowingTaskGroup { group in
            group.addTask { [fleet] in try await fleet.run() }
            try await body(FakeHost(connecting: hub.endpoint, pid: 1))
            group.cancelAll()
        }
        hub.close()
        unlink(hub.endpoint.replacingOccurrences(of: "ipc://", with: ""))
    }

    private func register(_ name: String, on host: FakeHost) async throws -> (BatteryName, Epoch) {
        let battery = try BatteryName(name)
        storage.state.withLock { $0.lastSequences[battery] = 0 }
        let registration = Registration(battery: battery, plugin: "kalman", definition: "x", files: [])
        async let registered = fleet.register(registration)
        let (epoch, _) = try await host.build()
        _ = try await registered
        return (battery, epoch)
    }

    private func store(_ battery: BatteryName, upTo sequence: Int64) {
        storage.state.withLock { $0.lastSequences[battery] = sequence }
        fleet.recordsStored(battery, last: sequence)
    }

    @Test func thoseFarBehindTakeTurnsAndLiveRecordsWaitForNoneOfThem() async throws {
        try await whileFleetRuns { host in
            let (first, firstEpoch) = try await register("first", on: host)
            let (second, secondEpoch) = try await register("second", on: host)
            let (third, thirdEpoch) = try await register("third", on: host)
            let (live, liveEpoch) = try await register("live", on: host)
            for (battery, epoch) in [(first, firstEpoch), (second, secondEpoch)] {
                store(battery, upTo: 1_000_000)
                for _ in 0..<FeedWindow.batches {
                    let (sent, batch) = try await host.delivery()
                    #expect(sent == epoch && batch.records == BatchPace.firstLimit)
                }
            }
            store(third, upTo: 1_000_000)
            store(live, upTo: 1)
            // The third one waits; were it sent something, that would come before the live one's.
            for sequence in 1...3 {
                let (epoch, batch) = try await host.delivery()
                #expect(epoch == liveEpoch && batch.records == 1)
                host.say(.message(liveEpoch, .result, Answers.result(1, after: sequence - 1, mean: 1)))
                if sequence < 3 { store(live, upTo: Int64(sequence) + 1) }
            }
            for batch in 0..<FeedWindow.batches {
                let after = batch * BatchPace.firstLimit
                host.say(
                    .message(secondEpoch, .result, Answers.result(BatchPace.firstLimit, after: after, mean: 2)))
            }
            #expect(try await host.delivery().epoch == thirdEpoch, "the second one's turn is over")
        }
    }

    @Test func whoNobodyWaitsForIsSentMoreWhileItWorks() async throws {
        try await whileFleetRuns { host in
            let (battery, epoch) = try await register("alone", on: host)
            store(battery, upTo: 1_000_000)
            // How many records a batch has depends on how long those before it took.
            var underWay: [Int] = []
            for _ in 0..<FeedWindow.batches { underWay.append(try await host.batch().records) }
            var answered = 0
            for _ in 0..<3 {
                let count = underWay.removeFirst()
                host.say(.message(epoch, .result, Answers.result(count, after: answered, mean: 1)))
                answered += count
                underWay.append(try await host.batch().records)
            }
        }
    }

    @Test func whoseProcessEndsGivesItsTurnBack() async throws {
        try await whileFleetRuns { host in
            let (first, firstEpoch) = try await register("first", on: host)
            let (second, _) = try await register("second", on: host)
            let (third, thirdEpoch) = try await register("third", on: host)
            for battery in [first, second] {
                store(battery, upTo: 1_000_000)
                for _ in 0..<FeedWindow.batches { _ = try await host.batch() }
            }
            store(third, upTo: 1_000_000)
            host.say(.exited(firstEpoch, WorkerExit(.ended, status: 1)))
            var command = await host.next()
            // The first one is started again.
            while case .start? = command { command = await host.next() }
            guard case .deliver(thirdEpoch, .batch, _)? = command else {
                Issue.record("\(String(describing: command))")
                return
            }
        }
    }
}
