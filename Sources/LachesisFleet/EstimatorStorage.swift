package import LachesisModel
package import LachesisWire

/// What the fleet needs of the store; the daemon hands it one.
package protocol EstimatorStorage: Sendable {
    /// Sequence of a battery's last stored record; 0 if it has none. Known without a look into the database.
    func lastSequence(of battery: BatteryName) -> Int64

    /// Script, files and options of a battery's estimator.
    func registration(of battery: BatteryName) async throws -> Registration

    /// Makes a registration durable: a new version, its cursor before the first record.
    func register(
        _ registration: Registration, description: EstimatorDescription, snapshot: Snapshot, epoch: Epoch
    ) async throws -> RegisteredEstimator

    /// Records after `sequence` in arrival order, at most `limit`.
    func records(of battery: BatteryName, after sequence: Int64, columns: [String], limit: Int) async throws
        -> RecordMatrix

    /// Writes estimates and cursor in one transaction.
    /// - Returns: false if version or epoch is out of date; nothing is written then.
    func commit(_ commit: EstimateCommit) async throws -> Bool
}
