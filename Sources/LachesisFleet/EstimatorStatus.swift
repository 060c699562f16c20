package import LachesisModel

/// What `/online/status` tells of one estimator.
package struct EstimatorStatus: Sendable {
    package enum Phase: String, Sendable, CaseIterable {
        /// Its worker is being started.
        case starting
        /// Fed with every record as it comes.
        case running
        /// Stepping again through records whose estimates are known; the snapshot is the last known one.
        case replaying
        /// Its worker was ended to make room, or for want of records; the next record starts it again.
        case hibernating
        /// Its worker ended and is to be started again.
        case restarting
        /// Its script ends its process again and again at the same record: not started again.
        case parked
        /// Its plugin cannot run on this server.
        case unavailable
        /// An administrator lets it have no records.
        case paused
        /// An administrator had its worker ended.
        case stopped

        /// Whether an administrator keeps it from running.
        package var isHeld: Bool { self == .paused || self == .stopped }

        init(_ hold: WorkerHold) { self = hold == .paused ? .paused : .stopped }
    }

    package var estimator: RegisteredEstimator
    package var phase: Phase
    /// Sequence of the battery's last stored record.
    package var lastSequence: Int64
    /// Times its worker was started again since the server's start.
    package var restarts = 0
    /// Why it is not running; nil while it is.
    package var problem: String?
    /// What the control group of its last worker limits, of `cpu`, `memory` and `pids`.
    package var controllers: [String] = []
    /// Sequence of the record that its last checkpoint holds for; nil if there is none.
    package var checkpointCursor: Int64?
    /// Why a checkpoint could not be made or used; nil while none was missed.
    package var checkpointProblem: String?
    /// Which limit of its log the script met; nil while it met none since the server's start.
    package var logProblem: String?

    package init(estimator: RegisteredEstimator, phase: Phase, lastSequence: Int64) {
        (self.estimator, self.phase, self.lastSequence) = (estimator, phase, lastSequence)
    }

    /// Whether the snapshot is the latest word of an estimator that runs, or could at any moment.
    package var isReady: Bool { phase == .running || phase == .hibernating }

    /// Records stored whose effect is not in the snapshot yet.
    package var waiting: Int64 { max(0, lastSequence - estimator.cursor) }

    func write(to json: inout JSONWriter, missingLayers: [SandboxLayer]) {
        let (description, snapshot) = (estimator.description, estimator.snapshot)
        json.beginObject()
        json.key("is_ready")
        json.bool(isReady)
        json.key("latest_time")
        json.number(snapshot.latestTime)
        json.key("state_names")
        json.strings(description.stateNames)
        json.key("mean")
        json.numbers(snapshot.mean)
        json.key("covariance")
        json.matrix(snapshot.covariance, columns: description.stateNames.count)
        json.key("output_names")
        json.strings(description.outputNames)
        json.key("output_mean")
        json.numbers(snapshot.outputMean)
        json.key("output_variance")
        json.numbers(snapshot.outputVariance)
        json.key("estimator")
        json.string(description.className)
        json.key("plugin")
        json.string(estimator.plugin)
        json.key("version")
        json.integer(estimator.version)
        json.key("phase")
        json.string(phase.rawValue)
        writeCounts(to: &json)
        json.key("acceleration")
        estimator.accelerationDescription.write(to: &json)
        json.key("restarts")
        json.integer(restarts)
        json.key("checkpoint")
        checkpointCursor.map { json.integer($0) } ?? json.null()
        json.key("checkpoint_problem")
        json.string(checkpointProblem)
        json.key("log_problem")
        json.string(logProblem)
        json.key("sandbox_without")
        json.strings(missingLayers.map(\.rawValue))
        json.key("control_groups")
        json.strings(controllers)
        json.key("last_error")
        json.string(problem ?? snapshot.lastError)
        json.endObject()
    }

    private func writeCounts(to json: inout JSONWriter) {
        let counts = estimator.snapshot.counts
        for (key, value) in [("stepped", counts.stepped), ("skipped", counts.skipped), ("failed", counts.failed)] {
            json.key(key)
            json.integer(value)
        }
        json.key("skipped_because")
        json.beginObject()
        let reasons = [
            ("missing_value", counts.missingValue), ("before_valid_time", counts.beforeValidTime),
            ("late", counts.late),
        ]
        for (key, value) in reasons {
            json.key(key)
            json.integer(value)
        }
        json.endObject()
        json.key("waiting")
        json.integer(waiting)
    }
}
