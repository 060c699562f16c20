internal import LachesisModel
internal import LachesisWire

/// What the daemon's own parts tell the feeder of a worker.
struct FeedSignals: OptionSet, Sendable {
    let rawValue: UInt8

    /// Records were stored that the worker may not have had yet.
    static let records = FeedSignals(rawValue: 1)
    /// Time has passed: what the feeder asked to be reminded of may be due.
    static let tick = FeedSignals(rawValue: 2)
    /// The worker is to be ended, its state saved.
    static let leave = FeedSignals(rawValue: 4)
    /// An administrator wants something else than before.
    static let wish = FeedSignals(rawValue: 8)
    /// It is its turn to step.
    static let turn = FeedSignals(rawValue: 16)
}

/// What reaches the feeder of one worker.
enum WorkerEvent: Sendable {
    case started(pid: Int32)
    /// - at: when it came, be the feeder busy or not.
    case message(WorkerMessageKind, [UInt8], at: ContinuousClock.Instant)
    /// The last event.
    case exited(WorkerExit)
    /// Not from the worker: `HostRoster.takeSignals` tells what for.
    case signalled
}

/// The daemon's end of one worker.
///
/// `events` is a queue without a limit of its own: the worker may answer only what it was sent (its host sees to that), and
/// `signalled` is queued at most once.
struct WorkerLink: Sendable {
    let epoch: Epoch
    let order: WorkerOrder
    /// What its control group limits: of `cpu`, `memory` and `pids` those that its host can limit.
    let controllers: [String]
    let events: AsyncStream<WorkerEvent>
    private let sendCommand: @Sendable (HostCommand) -> Void

    init(
        epoch: Epoch, order: WorkerOrder, controllers: [String], events: AsyncStream<WorkerEvent>,
        send: @escaping @Sendable (HostCommand) -> Void
    ) {
        (self.epoch, self.order, self.controllers, self.events, sendCommand) = (epoch, order, controllers, events, send)
    }

    func send(_ kind: WorkerMessageKind, _ payload: [UInt8]) { sendCommand(.deliver(epoch, kind, payload)) }

    /// Asks the host to end the process; `exited` follows.
    func stop() { sendCommand(.stop(epoch)) }
}
