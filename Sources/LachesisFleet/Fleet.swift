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
    let turns: StepTurns
    let logger: Logger
    let metrics = FleetMetrics()
}

/// All estimators of the server.
package final class Fleet: Sendable {
    private struct State {
        var runners: [BatteryName: EstimatorRunner] = [:]
        /// Batteries whose estimators are being registered or removed, or given an order or limits by an administrator.
        var changing: Set<BatteryName> = []
    }

    package let board: StatusBoard
    let environment: FleetEnvironment
    private let state = Mutex(State())
    /// Runners that `run` has to take in: one an estimator of an earlier run, one a registration, one a removal that failed.
    private let (arrivals, arriving) = AsyncStream.makeStream(of: EstimatorRunner.self)

    package init(
        storage: any EstimatorStorage, roster: HostRoster, limits: Limits,
        configuration: FleetConfiguration = FleetConfiguration(), missingLayers: [SandboxLayer] = [], logger: Logger
    ) {
        board = StatusBoard(missingLayers: missingLayers, session: roster.session)
        let berths = WorkerBerths(places: configuration.workers)
        environment = FleetEnvironment(
            configuration: configuration, storage: storage, roster: roster, board: board,
            builder: WorkerBuilder(
                roster: roster, berths: berths, limits: limits, acceleration: configuration.acceleration),
            berths: berths,
            turns: StepTurns(TurnLedger.Configuration(processors: configuration.processors)) {
                roster.signal(.turn, to: $0)
            }, logger: logger)
        roster.logs.whenLimited { [board] battery, version, problem in
            guard let battery = try? BatteryName(battery) else { return }
            board.update(battery, version: version) { $0.logProblem = problem }
        }
    }

    /// Takes in the estimators of an earlier run of the server: their last snapshots show at once, marked as not ready.
    ///
    /// Those that have records to step come first. What goes beyond the places that there are, and has none, hibernates.
    package func restore(_ estimators: [RegisteredEstimator]) {
        func isBehind(_ estimator: RegisteredEstimator) -> Bool {
            environment.storage.lastSequence(of: estimator.battery) > estimator.cursor
        }
        let behind = estimators.filter { $0.hold == nil && isBehind($0) }
        for (place, estimator) in (behind + estimators.filter { $0.hold != nil || !isBehind($0) }).enumerated() {
            install(estimator, isAsleep: place >= max(behind.count, environment.configuration.workers))
        }
    }

    /// Runs all estimators until cancelled.
    /// - Throws: `MessagingError` if the hosts cannot be heard any more.
    package func run() async throws {
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { [arriving] in
                // What a task throws cancels the others, and not this function, which waits for arrivals.
                defer { arriving.finish() }
                try await self.environment.roster.run()
            }
            group.addTask { await self.keepTime() }
            for await runner in arrivals {
                group.addTask(executorPreference: self.environment.roster.executor) { await runner.run() }
            }
            group.cancelAll()
        }
    }

    /// Workers that live, or are being started or ended.
    package var workerCount: Int { environment.berths.occupantCount }

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
            environment.turns.check()
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
        let built = try await environment.builder.buildFirst(registration, version: version)
        do {
            let estimator = try await environment.storage.register(
                registration, description: built.ready.description,
                snapshot: Snapshot(mean: built.ready.mean, covariance: built.ready.covariance),
                acceleration: environment.builder.acceleration(of: built, asked: registration.acceleration),
                epoch: built.link.epoch)
            install(
                estimator, first: LiveWorker(built: built, cursor: estimator.cursor, snapshot: estimator.snapshot))
            return estimator
        } catch {
            environment.builder.release(built.berth, after: built.link)
            throw error
        }
    }

    /// Removes a battery's estimator, if it has one, while `body` removes what the storage holds of it.
    /// - Parameter body: gets a function that ends the estimator, to be called once nothing stands in the way any more.
    /// - Throws: `FleetError` `.busy` if the battery's estimator is being changed by somebody else; what `body` throws: the estimator
    ///   then goes on as the storage has it.
    package func remove<Output: Sendable>(
        _ battery: BatteryName, _ body: (_ stopEstimator: @Sendable () -> Void) async throws -> Output
    ) async throws -> Output {
        try beginChange(of: battery)
        defer { endChange(of: battery) }
        do {
            let output = try await body { [self] in
                state.withLock { $0.runners.removeValue(forKey: battery) }?.stop()
            }
            board.remove(battery)
            environment.roster.logs.remove(battery)
            return output
        } catch {
            if let estimator = environment.storage.estimator(of: battery),
                state.withLock({ $0.runners[battery] == nil })
            {
                install(estimator)
            }
            throw error
        }
    }

    func beginChange(of battery: BatteryName) throws {
        guard state.withLock({ $0.changing.insert(battery).inserted }) else {
            throw FleetError(.busy, "the estimator of '\(battery)' is just being changed by another request")
        }
    }

    func endChange(of battery: BatteryName) { state.withLock { _ = $0.changing.remove(battery) } }

    /// The battery's records reach up to `sequence` now.
    package func recordsStored(_ battery: BatteryName, last sequence: Int64) {
        guard let runner = state.withLock({ $0.runners[battery] }) else { return }
        board.recordsStored(battery, last: sequence)
        runner.recordsStored()
    }

    func runner(of battery: BatteryName) -> EstimatorRunner? { state.withLock { $0.runners[battery] } }

    private func install(_ estimator: RegisteredEstimator, first: LiveWorker? = nil, isAsleep: Bool = false) {
        let runner = EstimatorRunner(estimator, first: first, isAsleep: isAsleep, environment: environment)
        state.withLock { state in
            state.runners[estimator.battery]?.stop()
            state.runners[estimator.battery] = runner
        }
        // After the runner is known, so that no record stored in between is missed.
        let lastSequence = environment.storage.lastSequence(of: estimator.battery)
        let phase = estimator.hold.map(EstimatorStatus.Phase.init) ?? (first == nil ? .starting : .running)
        var status = EstimatorStatus(estimator: estimator, phase: phase, lastSequence: lastSequence)
        status.logProblem = environment.roster.logs.log(of: estimator.battery)?.problem(of: estimator.version)
        board.install(status)
        arriving.yield(runner)
    }
}
