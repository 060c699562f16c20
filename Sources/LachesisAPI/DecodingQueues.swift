internal import Dispatch
internal import Synchronization

/// Runs what keeps a processor busy for long on two threads of its own, so that the tasks that answer everybody else go on.
///
/// What is waiting is bounded by those who call: they take turns before they do.
final class DecodingQueues: Sendable {
    /// Serial ones: Dispatch gives each a thread beyond those that tasks share.
    private let queues = [DispatchQueue(label: "lachesis.decoding.0"), DispatchQueue(label: "lachesis.decoding.1")]
    /// Calls of each queue that are not done.
    private let loads = Mutex([0, 0])

    func run<Result: Sendable>(_ body: @escaping @Sendable () -> Result) async -> Result {
        let index = loads.withLock { loads in
            let index = loads[0] <= loads[1] ? 0 : 1
            loads[index] += 1
            return index
        }
        defer { loads.withLock { $0[index] -= 1 } }
        return await withCheckedContinuation { continuation in
            queues[index].async { continuation.resume(returning: body()) }
        }
    }
}
