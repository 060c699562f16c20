/// An estimator as the store knows it.
package struct RegisteredEstimator: Sendable, Equatable {
    package var battery: BatteryName
    /// Counts the battery's registrations from 1.
    package var version: Int
    package var plugin: String
    package var description: EstimatorDescription
    /// Sequence of the last record that was stored before those it is fed; 0 if it is fed all.
    package var origin: Int64
    /// Sequence of the last record whose effect is in the snapshot; `origin` before the first.
    package var cursor: Int64
    package var snapshot: Snapshot
    /// What its registration asked that it be limited to.
    package var limits = ScriptLimits()
    /// What its registration asked for.
    package var acceleration = Acceleration.full
    /// nil if no worker has told yet.
    package var accelerationState: AccelerationState?
    /// nil lets it run.
    package var hold: WorkerHold?

    package init(
        battery: BatteryName, version: Int, plugin: String, description: EstimatorDescription, origin: Int64 = 0,
        cursor: Int64, snapshot: Snapshot
    ) {
        (self.battery, self.version, self.plugin) = (battery, version, plugin)
        (self.description, self.origin, self.cursor, self.snapshot) = (description, origin, cursor, snapshot)
    }
}

/// Rows for a battery's table of estimates.
package struct EstimateRows: Sendable, Equatable {
    /// Sequence of each stepped record in its battery's table, ascending.
    package var sequences: [Int64] = []
    /// `[stepped]`, s.
    package var testTimes: [Double] = []
    /// `[stepped, state]`, row-major, in the states' own units; likewise the variance.
    package var means: [Double] = []
    package var variances: [Double] = []
    /// `[stepped, output]`, row-major; likewise the variance.
    package var outputMeans: [Double] = []
    package var outputVariances: [Double] = []

    package init() {}
}

/// What is written at once after a worker's result.
package struct EstimateCommit: Sendable {
    package var battery: BatteryName
    /// The registration's version; a result of an older version changes nothing.
    package var version: Int
    /// The assignment that the result comes from; a result of an older one than the last written changes nothing.
    package var epoch: UInt64
    package var rows: EstimateRows
    /// The new cursor and snapshot; nil while a replay is still behind what is stored.
    package var progress: Progress?
    /// Written with the estimates up to it; nil if none was made.
    package var checkpoint: Checkpoint?
    /// How the worker's estimator is accelerated; nil leaves it as it is stored.
    package var acceleration: AccelerationState?

    package struct Progress: Sendable {
        package var cursor: Int64
        package var snapshot: Snapshot

        package init(cursor: Int64, snapshot: Snapshot) { (self.cursor, self.snapshot) = (cursor, snapshot) }
    }

    package init(
        battery: BatteryName, version: Int, epoch: UInt64, rows: EstimateRows, progress: Progress?,
        checkpoint: Checkpoint? = nil
    ) {
        (self.battery, self.version, self.epoch) = (battery, version, epoch)
        (self.rows, self.progress, self.checkpoint) = (rows, progress, checkpoint)
    }
}
