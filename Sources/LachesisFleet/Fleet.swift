package import LachesisModel
internal import LachesisWire
package import Logging
internal import Synchronization

/// What the parts of a fleet share.
struct FleetEnvironment: Sendable {
    let configuration: FleetConfiguration
    let storage: any EstimatorStorage
    let roster: HostRoster
    let board: StatusBoard
    let builder: WorkerBuilder
    let berths: WorkerBerths
    /// Restarts that may be under way at once: enough to keep two cores busy, few enough that a registration is not held up.
    let starts = Turnstile(places: 4)
    let logger: Logger
}

/// All estimators of the server.
package final class Fleet: Sendable {
    private struct State {
        var runners: [BatteryName: EstimatorRunner] = [:]
        /// Batteries whose estimators are being registered or removed.
        var changing: Set<BatteryName> = []
    }

    package let board: StatusBoard
    private let environment: FleetEnvironment
    private let state = Mutex(State())
    /// Runners that `run` has to take in: one a registration.
    private let (arrivals, arriving) = AsyncStream.makeStream(of: EstimatorRunner.self)

    package init(
        storage: any EstimatorStorage, roster: HostRoster, limits: Limits,
        configuration: FleetConfiguration = FleetConfiguration(), logger: Logger
    ) {
        board = StatusBoard()
        environment = FleetEnvironment(
            configuration: configuration, storage: storage, roster: roster, board: board,
            builder: WorkerBuilder(roster: roster, limits: limits), berths: WorkerBerths(places: configuration.workers),
            logger: logger)
    }

    /// Takes in the estimators of an earlier run of the server: their last snapshots show at once, marked as not ready.
    package func restore(_ estimators: [RegisteredEstimator]) {
        for estimator in estimators { install(estimator, first: nil) }
    }

    /// Runs all estimators until cancelled.
    package func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { await self.environment.roster.run() }
            group.addTask { await self.keepTime() }
            for await runner in arrivals { group.addTask { await runner.run() } }
            group.cancelAll()
        }
    }

    /// Has all workers save their state and ends them; those that take longer than this are left to `run`'s cancellation.
    package func settle(within time: Duration) async {
        environment.berths.close()
        let deadline = ContinuousClock.now + time
        while environment.berths.occupantCount > 0, ContinuousClock.now < deadline {
            guard (try? await Task.sleep(for: .milliseconds(5))) != nil else { return }
        }
    }

    private func keepTime() async {
        while (try? await Task.sleep(for: .seconds(1))) != nil {
            environment.roster.tick()
            environment.berths.check()
        }
    }

    /// Runs a script, and if it gives an estimator puts that in the place of the battery's former one.
    ///
    /// The former one goes on until the new one is ready, and for good if it never is.
    /// - Throws: `FleetError`, or what the storage throws.
    package func register(_ registration: Registration) async throws -> RegisteredEstimator {
        let battery = registration.battery
        try beginChange(of: battery)
        defer { endChange(of: battery) }
        let version = try await environment.storage.nextVersion(of: battery)
        guard let berth = try? await environment.berths.take() else {
            throw FleetError(.unavailable, "the server is about to end")
        }
        var link: WorkerLink?
        do {
            let (built, ready) = try await environment.builder.build(registration, version: version)
            link = built
            let estimator = try await environment.storage.register(
                registration, description: ready.description,
                snapshot: Snapshot(mean: ready.mean, covariance: ready.covariance), epoch: built.epoch)
            let worker = LiveWorker(link: built, ready: ready, cursor: estimator.cursor, snapshot: estimator.snapshot)
            install(estimator, first: (worker, berth))
            return estimator
        } catch {
            link?.stop()
            environment.berths.giveBack(berth)
            throw error
        }
    }

    /// Ends a battery's estimator, if it has one, while `body` removes what the storage holds of it.
    /// - Throws: `FleetError` `.busy` if an estimator of the battery is being registered; what `body` throws, and the estimator is
    ///   then started again.
    package func remove<Output: Sendable>(_ battery: BatteryName, _ body: () async throws -> Output) async throws
        -> Output
    {
        try beginChange(of: battery)
        defer { endChange(of: battery) }
        let last = board.status(of: battery)?.estimator
        state.withLock { $0.runners.removeValue(forKey: battery) }?.stop()
        do {
            let output = try await body()
            board.remove(battery)
            return output
        } catch {
            if let last { install(last, first: nil) }
            throw error
        }
    }

    private func beginChange(of battery: BatteryName) throws {
        guard state.withLock({ $0.changing.insert(battery).inserted }) else {
            throw FleetError(.busy, "the estimator of '\(battery)' is just being registered or removed")
        }
    }

    private func endChange(of battery: BatteryName) { state.withLock { _ = $0.changing.remove(battery) } }

    /// The battery's records reach up to `sequence` now.
    package func recordsStored(_ battery: BatteryName, last sequence: Int64) {
        guard let runner = state.withLock({ $0.runners[battery] }) else { return }
        board.recordsStored(battery, last: sequence)
        runner.recordsStored()
    }

    private func install(_ estimator: RegisteredEstimator, first: (LiveWorker, Berth)?) {
        let runner = EstimatorRunner(estimator, first: first, environment: environment)
        state.withLock { state in
            state.runners[estimator.battery]?.stop()
            state.runners[estimator.battery] = runner
        }
        // After the runner is known, so that no record stored in between is missed.
        let lastSequence = environment.storage.lastSequence(of: estimator.battery)
        board.install(
            EstimatorStatus(
                estimator: estimator, phase: first == nil ? .starting : .running, lastSequence: lastSequence)
        )
        arriving.yield(runner)
    }
}
