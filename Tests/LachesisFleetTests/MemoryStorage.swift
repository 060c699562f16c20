import Glibc
import LachesisFleet
import LachesisModel
import Synchronization

/// A storage of one battery's estimator, or of several of one script, that keeps everything in memory and can fail.
final class MemoryStorage: EstimatorStorage {
    struct State {
        var lastSequence: Int64 = 0
        /// Of batteries that have another.
        var lastSequences: [BatteryName: Int64] = [:]
        var registration: Registration?
        var commits: [EstimateCommit] = []
        var checkpoints: [StoredCheckpoint] = []
        var epoch: UInt64 = 0
        var holds: [WorkerHold?] = []
        /// Threads on which records were asked for.
        var readers: Set<pthread_t> = []
        /// Commits that fail before one succeeds again.
        var failures = 0
    }

    struct Failure: Error {}

    let state = Mutex(State())

    func lastSequence(of battery: BatteryName) -> Int64 {
        state.withLock { $0.lastSequences[battery] ?? $0.lastSequence }
    }

    func registration(of battery: BatteryName) async throws -> Registration {
        guard let registration = state.withLock({ $0.registration }) else { throw Failure() }
        return registration
    }

    func estimator(of battery: BatteryName) -> RegisteredEstimator? { nil }

    func mayPass(_ error: any Error) -> Bool { error is Failure }

    func nextVersion(of battery: BatteryName) async throws -> Int { 1 }

    func register(
        _ registration: Registration, description: EstimatorDescription, snapshot: Snapshot,
        acceleration: AccelerationState?, epoch: UInt64
    ) async throws -> RegisteredEstimator {
        state.withLock { ($0.registration, $0.epoch) = (registration, epoch) }
        var estimator = RegisteredEstimator(
            battery: registration.battery, version: 1, plugin: registration.plugin, description: description, cursor: 0,
            snapshot: snapshot)
        (estimator.acceleration, estimator.accelerationState) = (registration.acceleration, acceleration)
        return estimator
    }

    func checkpoint(of battery: BatteryName, version: Int, before id: Int64?) async throws -> StoredCheckpoint? {
        state.withLock { $0.checkpoints.last { $0.id < id ?? .max } }
    }

    func discardCheckpoint(_ id: Int64, of battery: BatteryName) async throws {
        state.withLock { $0.checkpoints.removeAll { $0.id == id } }
    }

    func records(of battery: BatteryName, after sequence: Int64, columns: [String], limit: Int) async throws
        -> RecordMatrix
    {
        state.withLock { _ = $0.readers.insert(pthread_self()) }
        let last = min(lastSequence(of: battery), sequence + Int64(limit))
        guard last > sequence else { return RecordMatrix() }
        return RecordMatrix(sequences: Array(sequence + 1...last), values: (sequence + 1...last).map(Double.init))
    }

    func setHold(_ hold: WorkerHold?, of battery: BatteryName, version: Int) async throws {
        state.withLock { $0.holds.append(hold) }
    }

    func setLimits(_ limits: ScriptLimits, of battery: BatteryName, version: Int) async throws {
        state.withLock { $0.registration?.limits = limits }
    }

    func receivedTimes(after sequences: [BatteryName: Int64]) async throws -> [BatteryName: Double] {
        sequences.mapValues(Double.init)
    }

    func commit(_ commit: EstimateCommit) async throws -> Bool {
        try state.withLock { state in
            guard state.failures == 0 else {
                state.failures -= 1
                throw Failure()
            }
            guard commit.epoch >= state.epoch else { return false }
            state.epoch = commit.epoch
            state.commits.append(commit)
            if let checkpoint = commit.checkpoint {
                state.checkpoints.append(StoredCheckpoint(id: Int64(state.commits.count), content: checkpoint))
            }
            return true
        }
    }
}
