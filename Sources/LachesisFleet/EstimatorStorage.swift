package import LachesisModel
package import LachesisWire

/// What the fleet needs of the store; the daemon hands it one.
package protocol EstimatorStorage: Sendable {
    /// Sequence of a battery's last stored record; 0 if it has none. Known without a look into the database.
    func lastSequence(of battery: BatteryName) -> Int64

    /// Script, files and options of a battery's estimator.
    func registration(of battery: BatteryName) async throws -> Registration

    /// Version that the battery's next registration will bear.
    func nextVersion(of battery: BatteryName) async throws -> Int

    /// A battery's estimator as stored; nil if it has none.
    func estimator(of battery: BatteryName) -> RegisteredEstimator?

    /// Whether an error of this storage may pass by itself, as a full disk does.
    func mayPass(_ error: any Error) -> Bool

    /// Makes a registration durable: a new version, its cursor before the first record that it is to be fed.
    func register(
        _ registration: Registration, description: EstimatorDescription, snapshot: Snapshot,
        acceleration: AccelerationState?, epoch: Epoch
    ) async throws -> RegisteredEstimator

    /// Records after `sequence` in arrival order, at most `limit`.
    func records(of battery: BatteryName, after sequence: Int64, columns: [String], limit: Int) async throws
        -> RecordMatrix

    /// The checkpoint written last before the one with this number; nil for the last of all.
    func checkpoint(of battery: BatteryName, version: Int, before id: Int64?) async throws -> StoredCheckpoint?

    /// Removes a checkpoint that is of no use.
    func discardCheckpoint(_ id: Int64, of battery: BatteryName) async throws

    /// Notes what an estimator is kept from, for the next start of the server.
    func setHold(_ hold: WorkerHold?, of battery: BatteryName, version: Int) async throws

    /// Notes what a version's script is limited to from its next start on.
    func setLimits(_ limits: ScriptLimits, of battery: BatteryName, version: Int) async throws

    /// When the next record behind each of these sequences was stored, Unix seconds; without those behind which there is none.
    func receivedTimes(after sequences: [BatteryName: Int64]) async throws -> [BatteryName: Double]

    /// Writes estimates, cursor and checkpoint in one transaction.
    /// - Returns: false if version or epoch is out of date; nothing is written then.
    func commit(_ commit: EstimateCommit) async throws -> Bool
}
