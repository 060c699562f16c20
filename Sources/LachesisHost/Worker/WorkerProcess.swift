internal import Glibc
internal import LachesisModel
internal import LachesisWire

/// A worker as its host holds it: its connection, its output, and how far it has come.
final class WorkerProcess {
    /// How long a cut in the output may go untold.
    static let cutPatience = Duration.milliseconds(500)

    let epoch: Epoch
    let plugin: String
    let limits: WorkerLimits
    var lifecycle: WorkerLifecycle
    let channel = PacketChannel()
    private(set) var output: OutputTail
    /// What was written since `takeOutput` was called last, as far as it may be passed on.
    private var unsaid: (bytes: [UInt8], dropped: Int) = ([], 0)
    private var budget: OutputBudget
    private var log: Descriptor?

    /// The machine's number of its process; nil while there is none, or where it cannot be told.
    var pid: Int32?
    /// What the host's event queue calls connection and output; nil where it does not listen to them.
    var socketToken: UInt64?
    var logToken: UInt64?
    /// Whether the event queue tells when the connection can be written.
    var awaitsWriting = false
    /// When the daemon is told of what was cut, if nothing comes after it until then; nil if nothing was.
    private(set) var cutIsDue: Duration?
    /// Whether there is a work folder to remove.
    var hasFolder = false

    init(epoch: Epoch, order: WorkerOrder) {
        (self.epoch, plugin, limits) = (epoch, order.plugin, order.limits)
        lifecycle = WorkerLifecycle(order, processors: max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))))
        output = OutputTail(capacity: min(OutputTail.defaultCapacity, limits.logBytes))
        budget = OutputBudget(rate: limits.logRateBytes, now: monotonicNow())
    }

    /// Processor time that its process has taken since it was forked; nil if that cannot be told.
    var processorTime: Duration? { pid.flatMap(LachesisHost.processorTime) }

    /// Name of its work folder in the host's runtime folder.
    var folderName: String { "worker-\(epoch)" }

    var logNumber: Int32? { log.number }

    func attach(socket: consuming Descriptor, log: consuming Descriptor) {
        channel.attach(socket)
        self.log = consume log
    }

    /// Undoes `attach`: the order to fork could not be sent yet.
    func detach() {
        channel.detach()
        log = nil
    }

    func closeLog() { log = nil }

    /// What the daemon has not been told of the worker's output; nil if there is nothing.
    /// - Parameter isLast: whether what was cut is told of although nothing comes after it.
    func takeOutput(isLast: Bool, now: Duration) -> (bytes: [UInt8], dropped: Int)? {
        if isLast { unsaid.dropped += budget.takeDropped() }
        cutIsDue = budget.dropped > 0 ? cutIsDue ?? now + Self.cutPatience : nil
        guard !unsaid.bytes.isEmpty || unsaid.dropped > 0 else { return nil }
        defer { unsaid = ([], 0) }
        return unsaid
    }

    /// Reads what the process has written, without waiting.
    /// - Parameters:
    ///   - buffer: scratch memory.
    ///   - reads: most reads, each of at most the buffer's length.
    /// - Returns: false once nobody can write any more.
    func readLog(_ buffer: inout [UInt8], atMost reads: Int) -> Bool {
        for _ in 0..<reads {
            guard let number = log.number else { return false }
            let count = read(number, &buffer, buffer.count)
            if count > 0 {
                output.append(buffer[..<count])
                let (passed, dropped) = budget.take(count, now: monotonicNow())
                unsaid.bytes += buffer[..<passed]
                unsaid.dropped += dropped
            } else if count < 0, errno == EAGAIN || errno == EINTR {
                return true
            } else {
                return false
            }
        }
        return true
    }
}
