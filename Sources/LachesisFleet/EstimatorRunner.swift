internal import LachesisModel
internal import LachesisWire
internal import Logging
internal import Synchronization

/// Keeps one version of one battery's estimator running: starts its worker, feeds it, and starts it again when it ends.
final class EstimatorRunner: Sendable {
    /// A worker whose estimator is built.
    struct Live: Sendable {
        let link: WorkerLink
        let ready: ReadyAnswer
    }

    let battery: BatteryName
    let version: Int
    private let environment: FleetEnvironment
    private let first: Live?
    private let epoch = Mutex<Epoch?>(nil)
    /// Cursor as it is stored: what a replay has to reach before its snapshots are news.
    private let storedCursor: Mutex<Int64>
    private let (stopSignal, stopper) = AsyncStream.makeStream(of: Never.self)

    /// - Parameter live: the worker that a registration has built already; nil starts one.
    init(_ estimator: RegisteredEstimator, live: Live?, environment: FleetEnvironment) {
        (battery, version, self.environment, first) = (estimator.battery, estimator.version, environment, live)
        storedCursor = Mutex(estimator.cursor)
        if let live { epoch.withLock { $0 = live.link.epoch } }
    }

    /// Runs until `stop`, until parked, or until cancelled.
    func run() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.serve() }
            group.addTask { for await _ in self.stopSignal {} }
            await group.next()
            group.cancelAll()
        }
    }

    /// Ends the worker for good.
    func stop() { stopper.finish() }

    /// Tells the feeder that the battery has new records.
    func recordsStored() {
        if let epoch = epoch.withLock({ $0 }) { environment.roster.signalRecords(to: epoch) }
    }

    private func serve() async {
        var policy = RestartPolicy()
        var live = first
        while !Task.isCancelled {
            var position: Int64 = 0
            var end: (problem: String, isScriptsDoing: Bool)
            do {
                let worker = try await start(live)
                live = nil
                defer { worker.link.stop() }
                end = try await feed(worker, position: &position)
            } catch is CancellationError {
                return
            } catch let error as FleetError where error.code == .plugin {
                await pause(.unavailable, problem: error.description, for: .seconds(5))
                continue
            } catch let error as FleetError {
                end = (error.description, error.code == .script)
            } catch {
                end = ("\(error)", false)
            }
            guard !Task.isCancelled else { return }
            environment.logger.warning(
                "worker ended",
                metadata: ["battery": "\(battery)", "version": "\(version)", "reason": "\(end.problem)"])
            switch policy.workerEnded(at: position, isScriptsDoing: end.isScriptsDoing) {
            case .restart(let delay):
                await pause(.restarting, problem: end.problem, restarts: policy.restarts, for: delay)
            case .park:
                show(
                    .parked,
                    problem: "ended at the same record \(RestartPolicy.attemptsAtOneRecord) times: \(end.problem)")
                return
            }
        }
    }

    private func start(_ live: Live?) async throws -> Live {
        if let live { return live }
        show(.starting)
        let registration = try await environment.storage.registration(of: battery)
        let (link, ready) = try await environment.starts.pass { [environment, version] in
            try Task.checkCancellation()
            return try await environment.builder.build(registration, version: version)
        }
        epoch.withLock { $0 = link.epoch }
        return Live(link: link, ready: ready)
    }

    /// Feeds the worker until it ends.
    /// - Parameter position: the last record that was answered, also when this throws.
    private func feed(_ worker: Live, position: inout Int64) async throws -> (problem: String, isScriptsDoing: Bool) {
        var window = FeedWindow(after: 0)
        var progress = FeedProgress(worker.ready, storedCursor: storedCursor.withLock { $0 })
        show(progress.isReplaying ? .replaying : .running)
        try await fill(&window, worker)
        for await event in worker.link.events {
            switch event {
            case .recordsStored:
                environment.roster.signalSeen(by: worker.link.epoch)
                try await fill(&window, worker)
            case .message(.result, let payload):
                let batch = try take(payload, &window, &progress, worker.ready.description)
                position = window.answered
                try await fill(&window, worker)
                try await commit(batch, epoch: worker.link.epoch)
            case .exited(let exit):
                return (exit.explanation(worker.link.order), exit.isScriptsDoing)
            case .started:
                continue
            case .message:
                throw FleetError(.script, "the script's process answered out of turn")
            }
        }
        throw CancellationError()
    }

    /// Sends batches while there are records and room.
    private func fill(_ window: inout FeedWindow, _ worker: Live) async throws {
        let columns = worker.ready.description.columns
        while window.hasRoom {
            let records = try await environment.storage.records(
                of: battery, after: window.sent, columns: columns, limit: WorkerMessageLimits.records)
            guard records.count > 0 else { return }
            worker.link.send(.batch, records.encoded(columns: columns.count))
            window.send(records)
        }
    }

    /// Checks a result, and shows it.
    private func take(
        _ payload: [UInt8], _ window: inout FeedWindow, _ progress: inout FeedProgress,
        _ description: EstimatorDescription
    ) throws -> EstimateBatch {
        let answer: ResultAnswer
        do {
            answer = try ResultAnswer(
                decoding: payload, states: description.stateNames.count, outputs: description.outputNames.count)
        } catch {
            throw FleetError(.script, "the script's process sent \(error)")
        }
        guard let fed = window.answer(answer.outcomes.count) else {
            throw FleetError(.script, "the script's process answered more records than it was sent")
        }
        let wasReplaying = progress.isReplaying
        progress.take(answer, fed)
        if !progress.isReplaying {
            environment.board.update(battery, version: version) { status in
                status.estimator.cursor = progress.cursor
                status.estimator.snapshot = progress.snapshot
                if wasReplaying { status.phase = .running }
            }
        }
        return EstimateBatch(
            rows: EstimateRows(answer, fed),
            progress: progress.isReplaying
                ? nil : EstimateCommit.Progress(cursor: progress.cursor, snapshot: progress.snapshot))
    }

    private struct EstimateBatch {
        let rows: EstimateRows
        let progress: EstimateCommit.Progress?
    }

    private func commit(_ batch: EstimateBatch, epoch: Epoch) async throws {
        let commit = EstimateCommit(
            battery: battery, version: version, epoch: epoch, rows: batch.rows, progress: batch.progress)
        guard try await environment.storage.commit(commit) else { throw CancellationError() }
        if let progress = batch.progress { storedCursor.withLock { $0 = progress.cursor } }
    }

    private func pause(_ phase: EstimatorStatus.Phase, problem: String, restarts: Int? = nil, for delay: Duration) async
    {
        show(phase, problem: problem, restarts: restarts)
        try? await Task.sleep(for: delay)
    }

    private func show(_ phase: EstimatorStatus.Phase, problem: String? = nil, restarts: Int? = nil) {
        environment.board.update(battery, version: version) { status in
            (status.phase, status.problem) = (phase, problem)
            if let restarts { status.restarts = restarts }
        }
    }
}
