internal import LachesisWire
internal import Synchronization

/// What is known of a worker's process from outside.
package struct WorkerVital: Sendable, Equatable {
    /// As the machine numbers it; 0 if that is not known.
    package var pid: Int32
    /// When it was started, Unix seconds.
    package var started: Double
    /// Bytes of memory that are its own; nil before the first measurement.
    package var memoryBytes: Int?
    /// Processor time that it has used, s; nil before the first measurement.
    package var cpuSeconds: Double?
}

/// The vital signs of all workers that live, as their hosts measure them; as many entries as there are workers.
final class WorkerVitals: Sendable {
    private let vitals = Mutex<[Epoch: WorkerVital]>([:])

    subscript(epoch: Epoch) -> WorkerVital? { vitals.withLock { $0[epoch] } }

    /// - Parameter time: Unix seconds.
    func started(_ epoch: Epoch, pid: Int32, time: Double) {
        vitals.withLock { $0[epoch] = WorkerVital(pid: pid, started: time) }
    }

    /// Of workers that are not known, nothing is kept.
    func measured(_ usages: [WorkerUsage]) {
        vitals.withLock { vitals in
            for usage in usages {
                vitals[usage.epoch]?.memoryBytes = usage.memoryBytes
                vitals[usage.epoch]?.cpuSeconds = usage.cpuSeconds
            }
        }
    }

    func ended(_ epoch: Epoch) { vitals.withLock { $0[epoch] = nil } }
}
