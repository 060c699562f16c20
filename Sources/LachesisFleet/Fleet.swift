package import LachesisModel
internal import LachesisWire
package import Logging
internal import Synchronization

/// What the parts of a fleet share.
struct FleetEnvironment: Sendable {
    let storage: any EstimatorStorage
    let roster: HostRoster
    let board: StatusBoard
    let builder: WorkerBuilder
    /// Restarts that may be under way at once: enough to keep two cores busy, few enough that a registration is not held up.
    let starts = Turnstile(places: 4)
    let logger: Logger
}

/// All estimators of the server.
package final class Fleet: Sendable {
    private struct State {
        var runners: [BatteryName: EstimatorRunner] = [:]
        var registering: Set<BatteryName> = []
    }

    package let board: StatusBoard
    private let environment: FleetEnvironment
    private let state = Mutex(State())
    /// Runners that `run` has to take in: one a registration.
    private let (arrivals, arriving) = AsyncStream.makeStream(of: EstimatorRunner.self)

    package init(storage: any EstimatorStorage, roster: HostRoster, limits: Limits, logger: Logger) {
        board = StatusBoard()
        environment = FleetEnvironment(
            storage: storage, roster: roster, board: board, builder: WorkerBuilder(roster: roster, limits: limits),
            logger: logger)
    }

    /// Takes in the estimators of an earlier run of the server: their last snapshots show at once, marked as not ready.
    package func restore(_ estimators: [RegisteredEstimator]) {
        for estimator in estimators { install(estimator, live: nil) }
    }

    /// Runs all estimators until cancelled.
    package func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { await self.environment.roster.run() }
            for await runner in arrivals { group.addTask { await runner.run() } }
            group.cancelAll()
        }
    }

    /// Runs a script, and if it gives an estimator puts that in the place of the battery's former one.
    ///
    /// The former one goes on until the new one is ready, and for good if it never is.
    /// - Throws: `FleetError`, or what the storage throws.
    package func register(_ registration: Registration) async throws -> RegisteredEstimator {
        let battery = registration.battery
        guard state.withLock({ $0.registering.insert(battery).inserted }) else {
            throw FleetError(.busy, "another registration of an estimator for '\(battery)' is under way")
        }
        defer { state.withLock { _ = $0.registering.remove(battery) } }
        let version = (board.status(of: battery)?.estimator.version ?? 0) + 1
        let (link, ready) = try await environment.builder.build(registration, version: version)
        do {
            let estimator = try await environment.storage.register(
                registration, description: ready.description,
                snapshot: Snapshot(mean: ready.mean, covariance: ready.covariance), epoch: link.epoch)
            install(estimator, live: EstimatorRunner.Live(link: link, ready: ready))
            return estimator
        } catch {
            link.stop()
            throw error
        }
    }

    /// The battery's records reach up to `sequence` now.
    package func recordsStored(_ battery: BatteryName, last sequence: Int64) {
        guard let runner = state.withLock({ $0.runners[battery] }) else { return }
        board.recordsStored(battery, last: sequence)
        runner.recordsStored()
    }

    private func install(_ estimator: RegisteredEstimator, live: EstimatorRunner.Live?) {
        let runner = EstimatorRunner(estimator, live: live, environment: environment)
        state.withLock { state in
            state.runners[estimator.battery]?.stop()
            state.runners[estimator.battery] = runner
        }
        // After the runner is known, so that no record stored in between is missed.
        let lastSequence = environment.storage.lastSequence(of: estimator.battery)
        board.install(
            EstimatorStatus(estimator: estimator, phase: live == nil ? .starting : .running, lastSequence: lastSequence)
        )
        arriving.yield(runner)
    }
}
