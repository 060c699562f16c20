import Foundation
import LachesisMessaging
import LachesisModel
import LachesisWire
import Logging
import Synchronization
import Testing

@testable import LachesisFleet

/// What waits for hosts waits for what they say, and asks nothing meanwhile.
@Suite(.timeLimit(.minutes(2))) struct HostNewsTests {
    private let news = HostNews()

    @Test func oneLookIsEnoughForWhatIsThere() async throws {
        #expect(try await news.wait(.seconds(60), for: { 7 }) == 7)
    }

    @Test func itLooksAgainAtNewsAlone() async throws {
        let looks = Mutex(0)
        async let found = news.wait(.seconds(60)) {
            looks.withLock { looks -> Int? in
                looks += 1
                return looks == 3 ? looks : nil
            }
        }
        for look in 1...2 {
            while looks.withLock({ $0 }) < look { try await Task.sleep(for: .milliseconds(1)) }
            try await Task.sleep(for: .milliseconds(100))
            #expect(looks.withLock { $0 } == look)
            news.tell()
        }
        #expect(try await found == 3)
    }

    @Test func patienceEnds() async throws {
        #expect(try await news.wait(.milliseconds(20), for: { nil as Int? }) == nil)
    }

    @Test func whoIsCancelledWaitsNoLonger() async throws {
        let task = Task { [news] in try await news.wait(.seconds(3_600), for: { nil as Int? }) }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    @Test func aWorkerIsStartedOnceAHostIsThereAndItsPluginWarm() async throws {
        let hub = try MessageHub(endpoint: "ipc:///tmp/lachesis-news-test-\(getpid())-\(UInt32.random(in: 0 ... .max))")
        let roster = HostRoster(hub: hub, session: 1, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let order = WorkerOrder(
            plugin: "kalman", label: "cell", version: 1, limits: WorkerLimits(ScriptLimits(), within: Limits()))
        try await withThrowingTaskGroup { group in
            group.addTask { try await roster.run() }
            async let first = roster.start(order, patience: .seconds(60))
            try await Task.sleep(for: .milliseconds(50))
            #expect(roster.counts().workers == 0)
            let host = FakeHost(connecting: hub.endpoint, pid: 7)
            _ = try await first
            host.say(.plugin(PluginReport(name: "kalman", state: .warming)))
            while roster.plugins().first?.state != .warming { try await Task.sleep(for: .milliseconds(1)) }
            async let second = roster.start(order, patience: .seconds(60))
            try await Task.sleep(for: .milliseconds(50))
            #expect(roster.counts().workers == 1)
            host.say(.plugin(PluginReport(name: "kalman", state: .ready)))
            let epochs = (try await first.epoch, try await second.epoch)
            #expect(epochs.0 < epochs.1)
            host.end()
            group.cancelAll()
        }
        hub.close()
        unlink(hub.endpoint.replacingOccurrences(of: "ipc://", with: ""))
    }
}
