package import LachesisModel
internal import Synchronization

extension Fleet {
    /// How long the answer to an order waits for what it brings about; the order holds in any case.
    static let controlPatience = Duration.seconds(10)
    /// Likewise for a checkpoint.
    static let checkpointPatience = Duration.seconds(30)

    /// Does what an administrator wants with an estimator's worker.
    /// - Returns: the phase that the estimator is in once that is done, or when the answer can wait no longer.
    /// - Throws: `FleetError`: `.unknown` if the battery has no estimator, `.unfit` if it is not in a state for this, `.busy` if it
    ///   is being registered, removed or given another order, `.unavailable` if a checkpoint takes too long; what the storage throws.
    package func control(_ battery: BatteryName, _ order: WorkerControl) async throws -> EstimatorStatus.Phase {
        let runner = try await give(order, to: battery)
        switch order {
        case .pause: await settle(battery) { $0.phase == .paused }
        case .stop: await settle(battery) { $0.phase == .stopped }
        case .resume: await settle(battery) { $0.phase != .paused && $0.phase != .stopped }
        case .restart: await settle(battery) { _ in !runner.wish.withLock(\.wantsRestart) }
        case .checkpoint: try await awaitCheckpoint(of: runner)
        }
        guard let status = board.status(of: battery) else { throw Self.unknown(battery) }
        return status.phase
    }

    /// Has a script limited to something else: its worker is started again with that, from its state, also if it is parked. One that
    /// is held or hibernates has the new limits when it is started.
    /// - Returns: its limits, and the phase that it is in when it has them, or when the answer can wait no longer.
    /// - Throws: as `control` does.
    package func limit(
        _ battery: BatteryName, _ change: (inout ScriptLimits) throws -> Void
    ) async throws -> (limits: WorkerLimits, phase: EstimatorStatus.Phase) {
        let runner = try await setLimits(of: battery, change)
        await settle(battery) { _ in !runner.wish.withLock(\.wantsRestart) }
        guard let status = board.status(of: battery) else { throw Self.unknown(battery) }
        return (WorkerLimits(status.estimator.limits, within: environment.builder.limits), status.phase)
    }

    private func setLimits(
        of battery: BatteryName, _ change: (inout ScriptLimits) throws -> Void
    ) async throws -> EstimatorRunner {
        try beginChange(of: battery)
        defer { endChange(of: battery) }
        guard let runner = runner(of: battery), let status = board.status(of: battery) else {
            throw Self.unknown(battery)
        }
        var limits = status.estimator.limits
        try change(&limits)
        try await environment.storage.setLimits(limits, of: battery, version: runner.version)
        board.update(battery, version: runner.version) { [limits] in $0.estimator.limits = limits }
        if runner.wish.withLock(\.hold) == nil, board.status(of: battery)?.phase != .hibernating {
            runner.changeWish { $0.restart() }
        }
        return runner
    }

    private static func unknown(_ battery: BatteryName) -> FleetError {
        FleetError(.unknown, "the battery '\(battery)' has no estimator")
    }

    /// Keeps registrations and removals out meanwhile, so that the order reaches the version that it was meant for.
    private func give(_ order: WorkerControl, to battery: BatteryName) async throws -> EstimatorRunner {
        try beginChange(of: battery)
        defer { endChange(of: battery) }
        guard let runner = runner(of: battery), let status = board.status(of: battery) else {
            throw Self.unknown(battery)
        }
        let wish = runner.wish.withLock(\.self)
        let hold = try wish.hold(after: order, isParked: status.phase == .parked)
        if hold != wish.hold { try await environment.storage.setHold(hold, of: battery, version: runner.version) }
        switch order {
        case .pause, .stop, .resume: runner.changeWish { $0.keep(hold) }
        case .restart: runner.changeWish { $0.restart() }
        case .checkpoint:
            guard runner.liveEpoch != nil else {
                throw FleetError(.unfit, "it has no process: it is \(status.phase.rawValue)")
            }
            runner.askForCheckpoint()
        }
        return runner
    }

    private func settle(_ battery: BatteryName, _ isThere: (EstimatorStatus) -> Bool) async {
        _ = await poll(for: Self.controlPatience) { [board] in
            guard let status = board.status(of: battery) else { return true }
            return isThere(status)
        }
    }

    private func awaitCheckpoint(of runner: EstimatorRunner) async throws {
        let isAnswered = await poll(for: Self.checkpointPatience) { runner.wish.withLock { $0.checkpoint != .asked } }
        guard isAnswered else {
            throw FleetError(.unavailable, "there is no checkpoint yet; it is made as soon as the worker comes to it")
        }
        if case .missed(let reason) = runner.wish.withLock(\.checkpoint) {
            throw FleetError(.unfit, "no checkpoint was made: \(reason)")
        }
    }

    /// - Returns: false if it did not become so in time.
    private func poll(for time: Duration, _ isSo: () -> Bool) async -> Bool {
        let deadline = ContinuousClock.now + time
        while !isSo() {
            guard ContinuousClock.now < deadline, (try? await Task.sleep(for: .milliseconds(10))) != nil else {
                return false
            }
        }
        return true
    }
}
