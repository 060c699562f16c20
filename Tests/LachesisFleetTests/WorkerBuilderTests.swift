import Foundation
import LachesisMessaging
import LachesisModel
import Logging
import Testing

@testable import LachesisFleet

/// Starts of workers that no host has a part in.
@Suite(.timeLimit(.minutes(2))) struct WorkerBuilderTests {
    @Test func aRegistrationStandsInLineForAPlaceOnce() async throws {
        let hub = try MessageHub(
            endpoint: "ipc:///tmp/lachesis-builder-test-\(getpid())-\(UInt32.random(in: 0 ... .max))")
        let roster = HostRoster(hub: hub, session: 1, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let berths = WorkerBerths(places: 1)
        let builder = WorkerBuilder(roster: roster, berths: berths, limits: Limits(), patience: .milliseconds(20))
        let registration = Registration(
            battery: try BatteryName("cell"), plugin: "kalman", definition: "x", files: [])
        let holder = try await berths.take()
        let error = await #expect(throws: FleetError.self) {
            try await builder.buildFirst(registration, version: 1)
        }
        #expect(error?.code == .unavailable)
        berths.giveBack(holder)
        // They are numbered in the order in which they came.
        #expect(try await berths.take().number == holder.number + 2)
        hub.close()
        unlink(hub.endpoint.replacingOccurrences(of: "ipc://", with: ""))
    }
}
