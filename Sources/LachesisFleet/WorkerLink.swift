internal import LachesisModel
internal import LachesisWire

/// What reaches the daemon from one worker.
enum WorkerEvent: Sendable {
    case started(pid: Int32)
    case message(WorkerMessageKind, [UInt8])
    /// The last event.
    case exited(WorkerExit)
    /// Not from the worker: records were stored that it may not have had yet.
    case recordsStored
}

/// The daemon's end of one worker.
///
/// `events` is a queue without a limit of its own: the worker may answer only what it was sent (its host sees to that), and
/// `recordsStored` is queued at most once.
struct WorkerLink: Sendable {
    let epoch: Epoch
    let order: WorkerOrder
    let events: AsyncStream<WorkerEvent>
    private let sendCommand: @Sendable (HostCommand) -> Void

    init(
        epoch: Epoch, order: WorkerOrder, events: AsyncStream<WorkerEvent>,
        send: @escaping @Sendable (HostCommand) -> Void
    ) {
        (self.epoch, self.order, self.events, sendCommand) = (epoch, order, events, send)
    }

    func send(_ kind: WorkerMessageKind, _ payload: [UInt8]) { sendCommand(.deliver(epoch, kind, payload)) }

    /// Asks the host to end the process; `exited` follows.
    func stop() { sendCommand(.stop(epoch)) }
}
