package import LachesisModel
internal import Synchronization

/// What an administrator sees of one estimator's worker.
package struct WorkerOverview: Sendable {
    package let status: EstimatorStatus
    /// Of its process; nil if it has none.
    package let vital: WorkerVital?
    /// Steps per second over the last seconds.
    package let stepRate: Double
    /// How long the oldest record has waited that is not in the estimate yet, s; 0 if none waits, nil if that is not known.
    package let lagSeconds: Double?
    /// What its process is kept to.
    package let limits: WorkerLimits
}

extension Fleet {
    /// Workers that live at once, at most.
    package var maximumWorkers: Int { environment.configuration.workers }

    /// All estimators by name, also those that have no process.
    /// - Parameter time: now, Unix seconds.
    /// - Throws: what the storage throws.
    package func overview(time: Double) async throws -> [WorkerOverview] {
        let statuses = board.statuses()
        let behind = statuses.filter { $0.waiting > 0 }.map { ($0.estimator.battery, $0.estimator.cursor) }
        let times = try await environment.storage.receivedTimes(after: Dictionary(behind) { $1 })
        return statuses.map { status in
            let battery = status.estimator.battery
            let runner = runner(of: battery)
            return WorkerOverview(
                status: status, vital: runner?.liveEpoch.flatMap { environment.roster.vitals[$0] },
                stepRate: runner?.meter.withLock { $0.rate(.now) } ?? 0,
                lagSeconds: status.waiting > 0 ? times[battery].map { max(0, time - $0) } : 0,
                limits: WorkerLimits(status.estimator.limits, within: environment.builder.limits))
        }
    }
}
