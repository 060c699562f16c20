package import LachesisModel
internal import LachesisWire

/// How a script did with a battery's latest records, without being registered.
package struct CheckReport: Sendable {
    package let description: EstimatorDescription
    /// After the last record.
    package let snapshot: Snapshot
    package let acceleration: AccelerationDescription
    /// Records that it was fed.
    package let records: Int
    /// Whether that was all there were to feed, or time was up before.
    package let isComplete: Bool
    package let buildTime: Duration
    package let stepTime: Duration
    /// What the script wrote.
    package let output: String
}

extension Fleet {
    /// How long a trial goes on feeding; what it has by then is its result.
    static let checkTime = Duration.seconds(60)

    /// Runs a script in a process of its own over the newest records of its battery, and ends the process.
    ///
    /// Nothing is stored, and the battery's estimator is none the wiser.
    /// - Parameter rows: records at most.
    /// - Throws: `FleetError`, as a registration, and `.script` if the process ends while it steps; what the storage throws.
    package func check(_ registration: Registration, rows: Int) async throws -> CheckReport {
        let battery = registration.battery
        let trial = Trial(of: battery)
        let version = try await environment.storage.nextVersion(of: battery)
        let begun = ContinuousClock.now
        let built = try await environment.builder.buildFirst(registration, version: version, trial: trial)
        let ready = ContinuousClock.now
        var acceleration = environment.builder.acceleration(of: built, asked: registration.acceleration)
        let result: Result<(FeedProgress, Int, Bool), any Error>
        do { result = .success(try await step(built, of: battery, rows: rows, &acceleration)) } catch {
            result = .failure(error)
        }
        let stepped = ContinuousClock.now
        environment.builder.release(built.berth, after: built.link)
        await withCheckedContinuation { continuation in
            environment.roster.whenEnded(built.link.epoch) { continuation.resume() }
        }
        let (progress, records, isComplete) = try result.get()
        return CheckReport(
            description: built.ready.description, snapshot: progress.snapshot,
            acceleration: AccelerationDescription(asked: registration.acceleration, acceleration), records: records,
            isComplete: isComplete, buildTime: ready - begun, stepTime: stepped - ready, output: trial.output)
    }

    /// - Returns: where the estimator stands, how many records it was fed, and whether those were all.
    private func step(
        _ built: BuiltWorker, of battery: BatteryName, rows: Int, _ acceleration: inout AccelerationState
    ) async throws -> (FeedProgress, Int, Bool) {
        let last = environment.storage.lastSequence(of: battery)
        let start = max(0, last - Int64(rows))
        let deadline = ContinuousClock.now + Self.checkTime
        let columns = built.ready.description.columns
        var (window, pace) = (FeedWindow(after: start), BatchPace())
        var progress = FeedProgress(
            cursor: start, snapshot: Snapshot(mean: built.ready.mean, covariance: built.ready.covariance),
            storedCursor: 0)
        var events = built.link.events.makeAsyncIterator()
        var count = 0
        while window.sent < last, ContinuousClock.now < deadline {
            let limit = min(pace.limit, Int(last - window.sent))
            let records = try await environment.storage.records(
                of: battery, after: window.sent, columns: columns, limit: limit)
            guard records.count > 0 else { break }
            pace.sends(.now)
            built.link.send(.batch, records.encoded(columns: columns.count, checkpoint: false))
            window.send(records, checkpoint: false)
            count += records.count
            while !window.isQuiet {
                guard let event = await events.next() else { throw CancellationError() }
                if case .message(.notice, let payload, _) = event {
                    acceleration.fell(try .init(notice: payload, after: acceleration.inUse))
                } else {
                    try take(event, of: built, &window, &progress, &pace)
                }
            }
        }
        return (progress, count, window.sent >= last)
    }

    private func take(
        _ event: WorkerEvent, of built: BuiltWorker, _ window: inout FeedWindow, _ progress: inout FeedProgress,
        _ pace: inout BatchPace
    ) throws {
        switch event {
        case .started: break
        case .signalled: _ = environment.roster.takeSignals(of: built.link.epoch)
        case .message(.result, let payload, let arrival):
            let answer: ResultAnswer
            let description = built.ready.description
            do {
                answer = try ResultAnswer(
                    decoding: payload, states: description.stateNames.count, outputs: description.outputNames.count,
                    checkpointLimit: 0)
            } catch {
                throw FleetError(.script, "the script's process sent \(error)")
            }
            guard let fed = window.answer(answer.outcomes.count, checkpoint: false) else {
                throw FleetError(.script, "the script's process answered what it was not asked")
            }
            pace.answered(fed.count, arrival)
            try progress.take(answer, fed)
        case .message: throw FleetError(.script, "the script's process answered out of turn")
        case .exited(let exit):
            throw FleetError(exit.isScriptsDoing ? .script : .unavailable, exit.explanation(built.link.order))
        }
    }
}
