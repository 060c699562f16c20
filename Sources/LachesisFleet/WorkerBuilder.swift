internal import LachesisModel
internal import LachesisWire

/// A worker whose estimator is built, and the place that it takes.
struct BuiltWorker: Sendable {
    let link: WorkerLink
    let ready: ReadyAnswer
    let berth: Berth
}

/// Starts workers and has them build their estimators.
struct WorkerBuilder: Sendable {
    /// How often a registration's start that failed through no fault of the script is tried again.
    static let attempts = 3

    let roster: HostRoster
    let berths: WorkerBerths
    let limits: Limits
    /// The most that any estimator may use.
    let acceleration: Acceleration
    /// How long a start waits for a host with the plugin warm, and a registration for a place.
    let patience: Duration
    /// Estimators that may be built again at once: enough to keep two cores busy, few enough that a registration is not held up.
    /// Each estimator waits once at most, so the line needs no bound of its own.
    private let starts = Turnstile(TurnstileLine.Configuration(places: 4))

    /// - Parameter patience: see the property. Default 30 s.
    init(
        roster: HostRoster, berths: WorkerBerths, limits: Limits, acceleration: Acceleration = .full,
        patience: Duration = .seconds(30)
    ) {
        (self.roster, self.berths, self.limits, self.patience) = (roster, berths, limits, patience)
        self.acceleration = acceleration
    }

    /// Builds an estimator for somebody who waits for the answer.
    /// - Parameter trial: what takes the script's output if it is only tried; nil leaves it to the battery's log.
    /// - Throws: `FleetError`, `.unavailable` if there is no place in time; or `CancellationError`.
    func buildFirst(_ registration: Registration, version: Int, trial: Trial? = nil) async throws -> BuiltWorker {
        for _ in 1..<Self.attempts {
            // Who finds no place in time is told so, rather than to stand in line again.
            let berth = try await urgentBerth()
            do {
                return try await build(registration, version: version, state: nil, on: berth, trial: trial)
            } catch let error as FleetError where error.code == .unavailable {
                continue
            }
        }
        return try await build(
            registration, version: version, state: nil, on: try await urgentBerth(), trial: trial)
    }

    /// Builds an estimator again, a few at a time.
    /// - Parameters:
    ///   - ceiling: the most acceleration that the estimator may use, within what the server allows.
    ///   - state: of a checkpoint that the estimator goes on from; nil begins anew.
    /// - Throws: `FleetError`, `.checkpoint` if it is the state that cannot be used; or `CancellationError`.
    func rebuild(
        _ registration: Registration, version: Int, ceiling: Acceleration, state: [UInt8]? = nil
    ) async throws -> BuiltWorker {
        try await build(
            registration, version: version, ceiling: ceiling, state: state, on: try await berths.take(),
            throughTurnstile: true)
    }

    /// How an estimator is accelerated whose worker is ready.
    /// - Parameter former: how it was before; nil if that is not known.
    func acceleration(
        of built: BuiltWorker, asked: Acceleration, after former: AccelerationState? = nil
    ) -> AccelerationState {
        var state = former ?? AccelerationState(inUse: nil)
        let ready = built.ready
        state.isReady(at: ready.acceleration, told: ready.accelerationReason, asked: asked, most: acceleration)
        return state
    }

    /// Ends a worker, and gives its place back once its process has ended.
    func release(_ berth: Berth, after link: WorkerLink?) {
        guard let link else { return berths.giveBack(berth) }
        link.stop()
        roster.whenEnded(link.epoch) { [berths] in berths.giveBack(berth) }
    }

    private func build(
        _ registration: Registration, version: Int, ceiling: Acceleration = .full, state: [UInt8]?, on berth: Berth,
        throughTurnstile: Bool = false, trial: Trial? = nil
    ) async throws -> BuiltWorker {
        let limits = WorkerLimits(registration.limits, within: limits)
        let order = WorkerOrder(
            plugin: registration.plugin, label: trial?.label ?? registration.battery.text, version: version,
            limits: limits)
        var link: WorkerLink?
        do {
            // Not within the turnstile: a plugin that is not warm must not hold up the others.
            let started = try await roster.start(order, patience: patience)
            link = started
            if let trial { roster.whenEnded(started.epoch) { [roster] in trial.take(roster.logs) } }
            let build = { @Sendable in
                try Task.checkCancellation()
                for file in registration.files { started.send(.file, file.encoded) }
                if let state { started.send(.restore, state) }
                let order = BuildOrder(
                    registration, version: version, limits: limits, acceleration: min(acceleration, ceiling))
                started.send(.build, order.encoded)
                return try await awaitReady(started, acceleration: order.acceleration)
            }
            let ready = throughTurnstile ? try await starts.pass(as: nil, build) : try await build()
            return BuiltWorker(link: started, ready: ready, berth: berth)
        } catch {
            release(berth, after: link)
            throw error
        }
    }

    private func urgentBerth() async throws -> Berth {
        let berth = await withThrowingTaskGroup(of: Berth?.self) { group in
            group.addTask { try await berths.take(isUrgent: true) }
            group.addTask {
                try await Task.sleep(for: patience)
                return nil
            }
            let first = await group.nextResult()
            group.cancelAll()
            // The place may have come in the same moment as the end of the patience.
            let results = [first, await group.nextResult()]
            return results.lazy.compactMap { try? $0?.get() ?? nil }.first
        }
        if let berth { return berth }
        try Task.checkCancellation()
        throw FleetError(.unavailable, "all places for workers are taken by estimators that are busy; try again")
    }

    private func awaitReady(_ link: WorkerLink, acceleration: Acceleration) async throws -> ReadyAnswer {
        for await event in link.events {
            switch event {
            case .started:
                continue
            case .signalled:
                // What it is told it will be told again, or look at by itself, once there is an estimator.
                _ = roster.takeSignals(of: link.epoch)
            case .message(.ready, let payload, _):
                do {
                    return try ReadyAnswer(decoding: payload, limits: limits, acceleration: acceleration)
                } catch {
                    throw FleetError(.script, "\(error)")
                }
            case .message(.failed, let payload, _):
                let answer = try? FailedAnswer(decoding: payload)
                throw FleetError(
                    answer?.isCheckpoints == true ? .checkpoint : .script, answer?.error ?? "the script failed")
            case .message:
                throw FleetError(.script, "the script's process answered out of turn")
            case .exited(let exit):
                throw FleetError(exit.isScriptsDoing ? .script : .unavailable, exit.explanation(link.order))
            }
        }
        throw CancellationError()
    }
}
