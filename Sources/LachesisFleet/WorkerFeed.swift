internal import LachesisMetrics
internal import LachesisModel
internal import LachesisWire
internal import Synchronization

/// Feeds one worker, from its start until it ends or leaves; used by one task.
final class WorkerFeed {
    enum End {
        /// - isScriptsDoing: false if host or zygote failed.
        case ended(problem: String, isScriptsDoing: Bool)
        /// It was ended on purpose, its state saved where that is possible.
        case left
    }

    /// Whose records are so few counts as live, however slow the machine is at the moment.
    private static let fewRecords = 16
    /// Bytes of an answer that may take more than some tenths of a millisecond to decode.
    private static let largeAnswer = 64 << 10

    private let estimator: EstimatorRunner
    private let environment: FleetEnvironment
    private let live: BuiltWorker
    private var window: FeedWindow
    private var progress: FeedProgress
    private var plan: CheckpointPlan
    private var pace = BatchPace()
    private var mustLeave: Bool
    /// When it is reminded that something may be due; nil if it is not.
    private var reminder: ContinuousClock.Instant?
    /// When the worker was sent records last.
    private var fedAt = ContinuousClock.now
    /// Batches that were sent in this worker's turn to step; nil while it is not.
    private var batchesOfTurn: Int?
    /// In which lane it asked for a turn last.
    private var lane = TurnLedger.Lane.live
    /// What the berth was told last; nil before.
    private var isIdle: Bool?
    /// Records behind these are fed one by one: one of them ended the process before this.
    private let suspects: Range<Int64>

    /// Sequence of the last record that was answered.
    var answered: Int64 { window.answered }
    /// Sequence of the last record that was sent.
    var sent: Int64 { window.sent }
    /// Cursor as it is stored: what a replay has to reach before its snapshots are news.
    private(set) var storedCursor: Int64
    /// Whether the worker's state could not be saved when it was tried last.
    var isReluctant: Bool { !plan.isPossible }
    /// Whether a checkpoint was asked for that has not come.
    var owesCheckpoint: Bool { window.owesCheckpoint }
    /// As it is stored.
    private var storedAcceleration: AccelerationState?
    /// Whether this worker's state was saved.
    private(set) var hasSaved = false

    private var battery: BatteryName { estimator.battery }
    private var description: EstimatorDescription { live.ready.description }
    private var wish: WorkerWish { estimator.wish.withLock(\.self) }
    /// Records that are stored and not sent.
    private var waiting: Int64 { max(0, environment.storage.lastSequence(of: battery) - window.sent) }
    private var hasRecords: Bool { waiting > 0 }

    /// - Parameters:
    ///   - storedCursor: as the store has it.
    ///   - suspects: see the property.
    ///   - saving: what is known of saving the estimator.
    init(
        _ estimator: EstimatorRunner, _ live: LiveWorker, storedCursor: Int64, suspects: Range<Int64>,
        saving: CheckpointPlan.Prospect, environment: FleetEnvironment
    ) {
        (self.estimator, self.live, self.environment) = (estimator, live.built, environment)
        (self.storedCursor, self.suspects) = (storedCursor, suspects)
        storedAcceleration = environment.storage.estimator(of: estimator.battery)?.accelerationState
        window = FeedWindow(after: live.cursor)
        progress = FeedProgress(cursor: live.cursor, snapshot: live.snapshot, storedCursor: storedCursor)
        plan = CheckpointPlan(
            environment.configuration, savedCursor: live.cursor, prospect: saving, share: .random(in: 0.75...1),
            now: .now)
        mustLeave = live.built.berth.isAsked
    }

    /// - Throws: `CancellationError`, or `FleetError` `.script` if the worker answers what no worker answers.
    func run() async throws -> End {
        defer { environment.turns.leave(live.link.epoch) }
        showPhase()
        note(isIdle: false)
        try await fill()
        if rest() { return .left }
        endTurn()
        for await event in live.link.events {
            switch event {
            case .signalled:
                let signals = environment.roster.takeSignals(of: live.link.epoch)
                if signals.contains(.leave) { mustLeave = true }
                if signals.contains(.wish) { showPhase() }
                if signals.contains(.turn) { batchesOfTurn = 0 }
                if signals.contains(.tick) { reminder = nil }
                try await fill()
            case .message(.notice, let payload, _):
                try notice(payload)
            case .message(.result, let payload, let arrival):
                let commit = try await take(payload, at: arrival)
                try await fill()
                try await write(commit)
            case .exited(let exit):
                return .ended(problem: exit.explanation(live.link.order), isScriptsDoing: exit.isScriptsDoing)
            case .started:
                continue
            case .message:
                throw FleetError(.script, "the script's process answered out of turn")
            }
            if rest() { return .left }
            endTurn()
        }
        throw CancellationError()
    }

    // MARK: Feeding

    /// Sends batches while there are records and room, and it is this worker's turn.
    private func fill() async throws {
        // Whose state is lost on leaving would never come further than in one turn. One that may not be fed comes no further anyway.
        if mustLeave, isReluctant, window.isQuiet, hasRecords, wish.allowsFeeding,
            environment.berths.decline(live.berth)
        {
            (mustLeave, isIdle) = (false, false)
        }
        while window.hasRoom, !mustLeave, wish.allowsFeeding, mayStep() {
            let after = window.sent
            let limit = limit(after: after)
            let records = try await estimator.persist { [environment, battery, description] in
                try await environment.storage.records(
                    of: battery, after: after, columns: description.columns, limit: limit)
            }
            guard records.count > 0 else { return endTurn() }
            note(isIdle: false)
            fedAt = .now
            let isDue = plan.send(records.count, now: fedAt)
            send(
                records,
                checkpoint: isDue || (wish.checkpoint == .asked && plan.isConceivable && !window.owesCheckpoint))
        }
    }

    /// Whether records may be sent now. If not for want of a turn, that is signalled later.
    private func mayStep() -> Bool {
        let waiting = waiting
        guard waiting > 0 else { return false }
        let lane = waiting <= max(pace.limit, Self.fewRecords) ? TurnLedger.Lane.live : .behind
        guard let batchesOfTurn else { return askForTurn(lane) }
        // While others wait, no more follows than the worker can have at hand; and one that has fallen behind asks again as such.
        let mayGoOn = lane == .live || lane == self.lane
        return batchesOfTurn < FeedWindow.batches || (mayGoOn && !environment.turns.isWanted(live.link.epoch))
    }

    /// - Returns: whether it has a turn now; else that is signalled later.
    private func askForTurn(_ lane: TurnLedger.Lane) -> Bool {
        guard batchesOfTurn == nil else { return true }
        self.lane = lane
        guard environment.turns.ask(live.link.epoch, lane) else { return false }
        batchesOfTurn = 0
        return true
    }

    /// Lets others have the turn once all is answered.
    private func endTurn() {
        guard batchesOfTurn != nil, window.isQuiet else { return }
        batchesOfTurn = nil
        environment.turns.leave(live.link.epoch)
    }

    /// Records of the next batch, at most.
    private func limit(after sequence: Int64) -> Int {
        if suspects.contains(sequence) { return 1 }
        guard sequence < suspects.lowerBound else { return pace.limit }
        return Int(min(Int64(pace.limit), suspects.lowerBound - sequence))
    }

    private func send(_ records: RecordMatrix, checkpoint: Bool) {
        pace.sends(.now)
        live.link.send(.batch, records.encoded(columns: description.columns.count, checkpoint: checkpoint))
        window.send(records, checkpoint: checkpoint)
        batchesOfTurn = batchesOfTurn.map { $0 + 1 }
    }

    /// What there is to do when the worker has answered all: save its state when that is due, and let it go when it is to leave.
    /// - Returns: whether the worker leaves.
    private func rest() -> Bool {
        guard window.isQuiet else { return false }
        let (wish, now) = (wish, ContinuousClock.now)
        let mustLeave = mustLeave || wish.endsWorker
        if wish.checkpoint == .asked, answerAtOnce() { return rest() }
        guard mustLeave || !hasRecords || !wish.allowsFeeding else { return false }
        // One that is paused stays for when it is resumed.
        let isDrowsy =
            now - fedAt >= environment.configuration.hibernationTime && plan.isPossible && wish.hold == nil
        let isWanted = mustLeave || isDrowsy || plan.isDue(now)
        if wish.checkpoint == .asked || (plan.isUnsaved(at: window.answered) && isWanted) {
            guard askForTurn(.live) else { return false }
            plan.ask(now)
            send(RecordMatrix(), checkpoint: true)
            return false
        }
        if mustLeave || isDrowsy { return true }
        note(isIdle: true)
        setReminder()
        return false
    }

    /// Sees to it that `rest` looks again when the state is to be saved, or the worker to leave for want of records.
    ///
    /// What is set stays although records put it off: so it costs nothing while they come, and one vain look then.
    private func setReminder() {
        let hibernation =
            plan.isPossible && wish.hold == nil ? fedAt + environment.configuration.hibernationTime : nil
        let saving = plan.isUnsaved(at: window.answered) ? plan.due : nil
        guard let due = [hibernation, saving].compactMap(\.self).min(), due < reminder ?? due + .seconds(1) else {
            return
        }
        reminder = due
        environment.roster.remind(live.link.epoch, at: due)
    }

    /// Answers the wish for a checkpoint where no worker has to be asked.
    private func answerAtOnce() -> Bool {
        guard plan.isConceivable else {
            let reason = "its process ended twice while its state was being saved"
            estimator.wish.withLock { $0.answerCheckpoint(.missed(reason)) }
            return true
        }
        guard window.answered <= plan.savedCursor else { return false }
        estimator.wish.withLock { $0.answerCheckpoint(.made) }
        return true
    }

    private func showPhase() {
        estimator.show(wish.hold == .paused ? .paused : progress.isReplaying ? .replaying : .running)
    }

    private func note(isIdle: Bool) {
        guard isIdle != self.isIdle else { return }
        self.isIdle = isIdle
        environment.berths.note(live.berth, isIdle: isIdle, isReluctant: isReluctant)
    }

    // MARK: Results

    /// Decodes a result; a large one leaves the thread to other feeders meanwhile.
    private func decode(_ payload: [UInt8]) async throws -> ResultAnswer {
        guard payload.count > Self.largeAnswer else { return try decodeHere(payload) }
        return try await withTaskExecutorPreference(globalConcurrentExecutor) { try decodeHere(payload) }
    }

    private func decodeHere(_ payload: [UInt8]) throws -> ResultAnswer {
        do {
            return try ResultAnswer(
                decoding: payload, states: description.stateNames.count, outputs: description.outputNames.count,
                checkpointLimit: live.link.order.limits.checkpointBytes)
        } catch {
            throw FleetError(.script, "the script's process sent \(error)")
        }
    }

    /// Checks a result, shows it, and makes of it what is to be written.
    private func take(_ payload: [UInt8], at arrival: ContinuousClock.Instant) async throws -> EstimateCommit {
        let answer = try await decode(payload)
        guard let fed = window.answer(answer.outcomes.count, checkpoint: answer.checkpoint != nil) else {
            throw FleetError(.script, "the script's process answered what it was not asked")
        }
        environment.turns.answered(live.link.epoch)
        endTurn()
        let wasReplaying = progress.isReplaying
        try progress.take(answer, fed)
        if let time = pace.answered(fed.count, arrival) { environment.metrics.steps.observe(time, count: fed.count) }
        estimator.meter.withLock { $0.stepped(answer.steppedCount, arrival) }
        let checkpoint = answer.checkpoint.flatMap(checkpoint)
        if !progress.isReplaying {
            environment.board.update(battery, version: estimator.version) { status in
                status.estimator.cursor = progress.cursor
                status.estimator.snapshot = progress.snapshot
                if wasReplaying, status.phase == .replaying { status.phase = .running }
            }
        }
        let acceleration = estimator.acceleration.withLock(\.self)
        var commit = EstimateCommit(
            battery: battery, version: estimator.version, epoch: live.link.epoch, rows: EstimateRows(answer, fed),
            progress: progress.isReplaying
                ? nil : EstimateCommit.Progress(cursor: progress.cursor, snapshot: progress.snapshot),
            checkpoint: checkpoint)
        if acceleration != storedAcceleration { commit.acceleration = acceleration }
        return commit
    }

    /// Takes note that the estimator is accelerated less from now on.
    private func notice(_ payload: [UInt8]) throws {
        guard !window.isQuiet else { throw FleetError(.script, "the script's process answered what it was not asked") }
        let current = estimator.acceleration.withLock { $0?.inUse }
        estimator.noteDisagreement(try AccelerationState.Disagreement(notice: payload, after: current))
    }

    private func checkpoint(_ answer: CheckpointAnswer) -> Checkpoint? {
        switch answer {
        case .state(let state): return Checkpoint(cursor: window.answered, snapshot: progress.snapshot, state: state)
        case .failure(let reason):
            plan.failed(at: window.answered)
            estimator.wish.withLock { $0.answerCheckpoint(.missed(reason)) }
            environment.berths.note(live.berth, isIdle: isIdle ?? false, isReluctant: true)
            estimator.noteCheckpoint("no checkpoint can be made: \(reason)")
            return nil
        }
    }

    private func write(_ commit: EstimateCommit) async throws {
        let isWritten = try await estimator.persist { [environment] in try await environment.storage.commit(commit) }
        guard isWritten else { throw CancellationError() }
        if let progress = commit.progress { storedCursor = progress.cursor }
        if let acceleration = commit.acceleration { storedAcceleration = acceleration }
        if let checkpoint = commit.checkpoint {
            plan.saved(at: checkpoint.cursor)
            hasSaved = true
            estimator.wish.withLock { $0.answerCheckpoint(.made) }
            environment.board.update(battery, version: estimator.version) { $0.checkpointCursor = checkpoint.cursor }
        }
    }
}
