internal import LachesisModel
internal import LachesisWire
internal import Logging
internal import Synchronization

/// A worker whose estimator is built, and where it stands.
struct LiveWorker: Sendable {
    let built: BuiltWorker
    /// Sequence of the last record whose effect is in the worker's state.
    let cursor: Int64
    /// What is known of the estimator at that record.
    let snapshot: Snapshot
}

/// Keeps one version of one battery's estimator running: starts its worker, feeds it, starts it again when it ends, and lets it
/// hibernate when it has nothing to do. It runs on the hosts' messages' own thread, save what takes long.
final class EstimatorRunner: Sendable {
    let battery: BatteryName
    let version: Int
    private let registered: RegisteredEstimator
    private let environment: FleetEnvironment
    private let first: LiveWorker?
    /// Whether it hibernates until its battery's next record.
    private let isAsleep: Bool
    private let epoch = Mutex<Epoch?>(nil)
    let wish: Mutex<WorkerWish>
    let meter = Mutex(StepMeter())
    /// How the estimator is accelerated; nil if no worker has told yet.
    let acceleration: Mutex<AccelerationState?>
    private let (stopSignal, stopper) = AsyncStream.makeStream(of: Never.self)
    /// Rung when records are stored while there is no worker, and when a wish changes; holds one ring.
    private let (bell, ringer) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))

    /// - Parameters:
    ///   - first: the worker that a registration has built already; nil starts one.
    ///   - isAsleep: whether it hibernates until its battery's next record.
    init(
        _ estimator: RegisteredEstimator, first: LiveWorker? = nil, isAsleep: Bool = false,
        environment: FleetEnvironment
    ) {
        (battery, version, registered) = (estimator.battery, estimator.version, estimator)
        (self.environment, self.first, self.isAsleep) = (environment, first, isAsleep)
        wish = Mutex(WorkerWish(hold: estimator.hold))
        acceleration = Mutex(estimator.accelerationState)
        if let first { attach(first.built) }
    }

    /// Runs until `stop` or until cancelled.
    func run() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.serve() }
            group.addTask { for await _ in self.stopSignal {} }
            await group.next()
            group.cancelAll()
        }
    }

    /// The worker that lives; nil if there is none.
    var liveEpoch: Epoch? { epoch.withLock(\.self) }

    /// Changes what is wanted of the worker, and has whoever is at it look.
    func changeWish(_ change: (inout WorkerWish) -> Void) {
        wish.withLock { change(&$0) }
        if let liveEpoch { environment.roster.signal(.wish, to: liveEpoch) }
        ringer.yield()
    }

    /// Asks for a checkpoint; if there is no worker to make one, the wish is answered at once.
    func askForCheckpoint() {
        changeWish { $0.askForCheckpoint() }
        // The worker that the caller saw may have ended before the wish was there, and another may never come.
        if liveEpoch == nil { missCheckpoint() }
    }

    private func missCheckpoint() {
        wish.withLock { $0.answerCheckpoint(.missed("its process ended before")) }
    }

    /// Ends the worker for good.
    func stop() { stopper.finish() }

    /// Tells the feeder that the battery has new records.
    func recordsStored() {
        if let epoch = epoch.withLock({ $0 }) {
            environment.roster.signal(.records, to: epoch)
        } else {
            ringer.yield()
        }
    }

    // MARK: Life

    /// How far the estimator has come, from worker to worker.
    private struct Course {
        var storedCursor: Int64
        var policy = RestartPolicy()
        /// Sequences behind which records are fed one by one: one of them ended the last worker's process.
        var suspects: Range<Int64> = 0..<0
        /// Whether the last worker's state could not be saved.
        var isReluctant = false
        /// Workers in a row that the script ended while their state was being saved.
        var endedSaves = 0

        /// An end while a state was being saved may have had another cause; two in a row are taken for the saving's.
        var saving: CheckpointPlan.Prospect { endedSaves >= 2 ? .none : isReluctant || endedSaves > 0 ? .poor : .good }
        /// The checkpoint with this number, and later ones, are passed over at the next start.
        var barred: Int64?
    }

    private func serve() async {
        var course = Course(storedCursor: registered.cursor)
        var live = first
        let isHeld = wish.withLock { $0.hold != nil }
        if isAsleep, !isHeld {
            await hibernate(after: course.storedCursor)
        } else if live == nil, !isHeld {
            show(.starting)
        }
        while !Task.isCancelled {
            if live == nil, let hold = wish.withLock(\.hold) {
                await rest(in: hold)
                continue
            }
            do {
                let given = live
                live = nil
                switch try await serveOnce(given, &course) {
                case .left:
                    course.suspects = 0..<0
                    await hibernate(after: course.storedCursor)
                case .ended(let problem, let isScriptsDoing):
                    guard !Task.isCancelled else { return }
                    await recover(from: problem, isScriptsDoing, &course)
                }
            } catch let error as FleetError where error.code == .plugin {
                await wait(.unavailable, problem: error.description, for: .seconds(5))
            } catch let error as FleetError where error.code == .storage {
                await park(error.description, &course)
            } catch let error as FleetError {
                guard !Task.isCancelled else { return }
                await recover(from: error.description, error.code == .script, &course)
            } catch {
                return
            }
        }
        if let live {
            epoch.withLock { $0 = nil }
            missCheckpoint()
            environment.builder.release(live.built.berth, after: live.built.link)
        }
    }

    /// One worker, from its start to its end.
    private func serveOnce(_ first: LiveWorker?, _ course: inout Course) async throws -> WorkerFeed.End {
        let worker: LiveWorker
        if let first {
            worker = first
        } else {
            showStart()
            // Files, scripts and states may be large, and are made messages of.
            worker = try await withTaskExecutorPreference(globalConcurrentExecutor) { try await start(&course.barred) }
        }
        attach(worker.built)
        environment.board.update(battery, version: version) { $0.controllers = worker.built.link.controllers }
        let feed = WorkerFeed(
            self, worker, storedCursor: course.storedCursor, suspects: course.suspects,
            saving: course.saving, environment: environment)
        defer {
            // In this order: who asks looks for the worker after it.
            epoch.withLock { $0 = nil }
            missCheckpoint()
            environment.builder.release(worker.built.berth, after: worker.built.link)
            course.storedCursor = feed.storedCursor
            course.policy.advanced(to: feed.answered)
            course.suspects = feed.answered..<feed.sent
            course.isReluctant = feed.isReluctant
        }
        let end = try await feed.run()
        if feed.hasSaved { course.endedSaves = 0 }
        if case .ended(_, isScriptsDoing: true) = end, feed.owesCheckpoint {
            course.endedSaves += 1
            if course.saving == .none {
                noteCheckpoint("no checkpoint can be made: the process ended twice while its state was being saved")
            }
        }
        return end
    }

    /// One that wakes for a record is as good as awake; what was held or is to be started again is not.
    private func showStart() {
        let isOrdered = wish.withLock { wish in
            defer { wish.starts() }
            return wish.wantsRestart
        }
        let phase = environment.board.status(of: battery)?.phase
        if isOrdered || phase == .paused || phase == .stopped || phase == .parked { show(.starting) }
    }

    private func attach(_ worker: BuiltWorker) {
        let epoch = worker.link.epoch
        self.epoch.withLock { $0 = epoch }
        worker.berth.whenAsked { [environment] in environment.roster.signal(.leave, to: epoch) }
    }

    /// Waits until the worker is to be started again after its end.
    private func recover(from problem: String, _ isScriptsDoing: Bool, _ course: inout Course) async {
        environment.logger.warning(
            "worker ended", metadata: ["battery": "\(battery)", "version": "\(version)", "reason": "\(problem)"])
        if !isScriptsDoing { course.suspects = 0..<0 }
        switch course.policy.workerEnded(isScriptsDoing: isScriptsDoing) {
        case .restart(let delay):
            await wait(.restarting, problem: problem, restarts: course.policy.restarts, for: delay)
        case .park:
            let place = course.policy.position > 0 ? "behind record \(course.policy.position)" : "before any record"
            await park("ended \(RestartPolicy.attemptsAtOneRecord) times \(place): \(problem)", &course)
        }
    }

    /// Waits without a worker until somebody wants it otherwise.
    private func park(_ problem: String, _ course: inout Course) async {
        show(.parked, problem: problem)
        await listen { self.wish.withLock(\.isPending) }
        course.policy.revive()
    }

    /// Waits without a worker until the battery has records behind the cursor, or somebody wants it otherwise.
    private func hibernate(after cursor: Int64) async {
        // One that is stopped or started again does not look as if it slept.
        if !wish.withLock(\.isPending) { show(.hibernating) }
        await listen {
            self.environment.storage.lastSequence(of: self.battery) > cursor || self.wish.withLock(\.isPending)
        }
    }

    /// Waits without a worker until the hold is another.
    private func rest(in hold: WorkerHold) async {
        let problem = environment.board.status(of: battery)?.problem
        show(EstimatorStatus.Phase(hold), problem: problem)
        await listen { self.wish.withLock(\.hold) != hold }
    }

    /// Waits until something is so; it is looked at whenever the bell rings.
    private func listen(_ isSo: () -> Bool) async {
        if isSo() { return }
        for await _ in bell where isSo() { return }
    }

    // MARK: Starting

    /// Starts a worker from the last checkpoint that can be used, or else from the beginning.
    /// - Parameter barred: checkpoints from this number on are passed over; set where one may be to blame for a failure.
    private func start(_ barred: inout Int64?) async throws -> LiveWorker {
        let registration = try await persist { [environment, battery] in
            try await environment.storage.registration(of: battery)
        }
        while let stored = try await persist({ [environment, battery, version, barred] in
            try await environment.storage.checkpoint(of: battery, version: version, before: barred)
        }) {
            do {
                guard let checkpoint = stored.content else { throw FleetError(.checkpoint, "it is damaged") }
                let built = try await build(registration, state: checkpoint.state)
                barred = nil
                environment.board.update(battery, version: version) { $0.checkpointCursor = checkpoint.cursor }
                return LiveWorker(built: built, cursor: checkpoint.cursor, snapshot: checkpoint.snapshot)
            } catch let error as FleetError where error.code == .checkpoint {
                let place = stored.content.map { " of record \($0.cursor)" } ?? ""
                noteCheckpoint("a checkpoint\(place) could not be used: \(error.description)")
                try await persist { [environment, battery] in
                    try await environment.storage.discardCheckpoint(stored.id, of: battery)
                }
            } catch let error as FleetError where error.code == .script {
                barred = stored.id
                throw error
            }
        }
        let built = try await build(registration)
        barred = nil
        return LiveWorker(
            built: built, cursor: registered.origin,
            snapshot: Snapshot(mean: built.ready.mean, covariance: built.ready.covariance))
    }

    private func build(_ registration: Registration, state: [UInt8]? = nil) async throws -> BuiltWorker {
        let former = acceleration.withLock(\.self)
        let built = try await environment.builder.rebuild(
            registration, version: version, ceiling: former?.ceiling ?? .full, state: state)
        guard built.ready.description == registered.description else {
            environment.builder.release(built.berth, after: built.link)
            throw FleetError(.script, "the script gives another estimator now than when it was registered")
        }
        show(environment.builder.acceleration(of: built, asked: registration.acceleration, after: former))
        return built
    }

    // MARK: Storage and status

    /// Does something with the storage, again and again until it is possible: a full disk is to delay estimates, not to lose them.
    /// - Throws: `FleetError` `.storage` if waiting does not help, or `CancellationError`.
    func persist<Output: Sendable>(_ body: @Sendable () async throws -> Output) async throws -> Output {
        var delay = Duration.milliseconds(200)
        while true {
            do {
                let output = try await body()
                if delay > .milliseconds(200) {
                    environment.board.update(battery, version: version) { $0.problem = nil }
                }
                return output
            } catch {
                try Task.checkCancellation()
                environment.logger.error(
                    "the storage fails an estimator", metadata: ["battery": "\(battery)", "error": "\(error)"])
                guard environment.storage.mayPass(error) else { throw FleetError(.storage, "\(error)") }
                environment.board.update(battery, version: version) { $0.problem = "\(error)" }
                try await Task.sleep(for: delay)
                delay = min(delay * 2, .seconds(5))
            }
        }
    }

    /// Waits a while, or until somebody wants it otherwise.
    private func wait(_ phase: EstimatorStatus.Phase, problem: String, restarts: Int? = nil, for delay: Duration) async
    {
        show(phase, problem: problem, restarts: restarts)
        let end = ContinuousClock.now + delay
        while ContinuousClock.now < end, !wish.withLock(\.isPending) {
            guard (try? await Task.sleep(for: min(end - .now, .milliseconds(100)))) != nil else { return }
        }
    }

    func show(_ phase: EstimatorStatus.Phase, problem: String? = nil, restarts: Int? = nil) {
        environment.board.update(battery, version: version) { status in
            (status.phase, status.problem) = (phase, problem)
            if let restarts { status.restarts = restarts }
        }
    }

    private func show(_ acceleration: AccelerationState) {
        self.acceleration.withLock { $0 = acceleration }
        environment.board.update(battery, version: version) { $0.estimator.accelerationState = acceleration }
    }

    /// A step differed from the estimator's own.
    func noteDisagreement(_ disagreement: AccelerationState.Disagreement) {
        environment.logger.warning(
            "a step differed: the estimator is accelerated less from now on",
            metadata: [
                "battery": "\(battery)", "version": "\(version)", "acceleration": "\(disagreement.level.rawValue)",
                "reason": "\(disagreement.reason)",
            ])
        var state = acceleration.withLock(\.self) ?? AccelerationState(inUse: nil)
        state.fell(disagreement)
        show(state)
    }

    func noteCheckpoint(_ problem: String) {
        environment.logger.warning("checkpoint", metadata: ["battery": "\(battery)", "problem": "\(problem)"])
        environment.board.update(battery, version: version) { $0.checkpointProblem = problem }
    }
}
