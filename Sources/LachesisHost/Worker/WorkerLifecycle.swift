internal import LachesisModel
internal import LachesisWire

/// One worker from its order to its end: decides, and does nothing itself. Times are those of one monotonic clock.
///
/// Whatever happens, exactly one action `finish` comes out of it, the last.
struct WorkerLifecycle {
    enum Phase: Equatable {
        /// Its zygote is not ready yet.
        case waiting
        /// The zygote has been asked to fork.
        case forking
        /// The process is there; files may come, and the order to build.
        case loading
        case building
        case ready
        /// It said that the script failed, and is about to end by itself.
        case failed
        /// It closed its connection, and is about to end by itself.
        case closed
        /// It has been ordered to be killed.
        case killed
        case finished
    }

    enum Action: Equatable {
        /// Hand the message that was given to the worker.
        case enqueue
        /// Hand the message that was given to the daemon.
        case forward
        /// Kill process and process group; `ended` or `lost` follows.
        case kill
        /// Ask for the processor time that the process has taken, and tell it by `measured`.
        case measure
        case reportStarted(pid: Int32)
        case finish(WorkerExit)
    }

    /// How long a worker may take to end after it said or showed that it will.
    static let farewell = Duration.seconds(2)
    /// Added to the time for a step: the way there and back.
    static let stepGrace = Duration.seconds(1)

    /// Time between two looks at the processor time of a script that builds, at least.
    static let leastLook = Duration.milliseconds(50)

    private let order: WorkerOrder
    /// How many seconds of processor time a process can take in one.
    private let processors: Int
    private(set) var phase = Phase.waiting
    /// When something must have happened; nil if nothing is due.
    private var due: Duration?
    /// When the processor time is looked at next; only while the script builds.
    private var nextLook: Duration?
    private var buildBegan = Duration.zero
    /// Since when the host does not read from it, for want of room for its message.
    private var heldSince: Duration?
    private var audit: AnswerAudit
    private var hasBuild = false
    /// Why it was killed.
    private var cause: (WorkerExit.Cause, String)?

    /// - Parameter processors: of the machine; at least 1.
    init(_ order: WorkerOrder, processors: Int) {
        (self.order, self.processors) = (order, processors)
        audit = AnswerAudit(checkpointBytes: order.limits.checkpointBytes)
    }

    /// Whether messages from the worker still count.
    var listens: Bool { [.loading, .building, .ready, .failed].contains(phase) }

    /// When to call `check` next; nil if nothing is due. While the host does not read what it says, nothing is.
    var deadline: Duration? {
        guard heldSince == nil else { return nil }
        guard let due, let nextLook else { return due ?? nextLook }
        return min(due, nextLook)
    }

    /// The zygote has been asked.
    mutating func forkOrdered() { if phase == .waiting { phase = .forking } }

    mutating func forked(pid: Int32, now: Duration) -> [Action] {
        switch phase {
        case .forking:
            phase = .loading
            if hasBuild { startBuilding(now) }
            return [.reportStarted(pid: pid)]
        default: return []
        }
    }

    /// It cannot be put where the kernel limits it.
    mutating func uncontained(_ reason: String) -> [Action] { end(.lost, reason) }

    mutating func forkFailed(_ reason: String) -> [Action] { finish(.init(.notStarted, detail: reason)) }

    /// The plugin cannot run.
    mutating func refused(_ reason: String) -> [Action] { finish(.init(.notStarted, detail: reason)) }

    /// The daemon hands the worker a message.
    mutating func deliver(_ kind: WorkerMessageKind, _ payload: [UInt8], now: Duration) -> [Action] {
        switch (phase, kind) {
        case (.failed, _), (.closed, _), (.killed, _), (.finished, _):
            // On its way while the worker ended; the daemon learns of the end.
            return []
        case (.waiting, .file), (.forking, .file), (.loading, .file), (.waiting, .restore), (.forking, .restore),
            (.loading, .restore):
            guard !hasBuild else { return end(.lost, "the daemon sent a file after the order to build") }
        case (.waiting, .build), (.forking, .build), (.loading, .build):
            guard !hasBuild else { return end(.lost, "the daemon sent two orders to build") }
            hasBuild = true
            if phase == .loading { startBuilding(now) }
        case (.ready, .batch):
            do {
                try audit.delivered(batch: payload)
            } catch {
                return end(.lost, "the daemon sent what cannot be a batch: \(error)")
            }
            awaitProgress(now)
        default:
            return end(.lost, "the daemon sent a message of kind \(kind.rawValue) at the wrong time")
        }
        return [.enqueue]
    }

    /// More was delivered than may wait for a worker that does not read.
    mutating func overflowed() -> [Action] {
        end(.lost, "the worker does not read, and more was sent than may wait for it")
    }

    /// The kernel does not take messages for it.
    mutating func unreachable(_ reason: String) -> [Action] { end(.lost, reason) }

    /// The worker says something.
    mutating func received(_ kind: UInt8, _ payload: [UInt8], now: Duration) -> [Action] {
        guard listens else { return [] }
        do throws(WireError) {
            switch (phase, WorkerMessageKind(rawValue: kind)) {
            case (.building, .ready):
                try audit.ready(payload)
                phase = .ready
                (due, nextLook) = (nil, nil)
            case (.building, .failed):
                try audit.failed(payload)
                phase = .failed
                (due, nextLook) = (now + Self.farewell, nil)
            case (.ready, .result):
                try audit.result(payload)
                awaitProgress(now)
            case (.ready, .notice):
                // No progress: the result that it comes before still is due.
                try audit.notice(payload)
            default:
                throw WireError("a message of kind \(kind) at the wrong time")
            }
        } catch {
            return end(.protocolViolation, error.description)
        }
        return [.forward]
    }

    /// The worker's bytes are no messages.
    mutating func violated(_ reason: String) -> [Action] { listens ? end(.protocolViolation, reason) : [] }

    /// The worker's end of the connection is closed: its process has ended, or is about to.
    mutating func closed(now: Duration) {
        guard listens else { return }
        phase = .closed
        (due, nextLook) = (now + Self.farewell, nil)
    }

    /// The host does not read from it, as there is no room for the message that it has begun.
    mutating func held(now: Duration) { if listens, heldSince == nil { heldSince = now } }

    /// The host reads from it again. The time in between is none of the worker's.
    mutating func released(now: Duration) {
        guard let since = heldSince else { return }
        heldSince = nil
        due = due.map { $0 + (now - since) }
    }

    /// The daemon wants it gone.
    mutating func stop() -> [Action] { end(.stopped, "") }

    /// Looks at the deadline.
    mutating func check(now: Duration) -> [Action] {
        guard let deadline, now >= deadline else { return [] }
        guard let due, now >= due else { return [.measure] }
        switch phase {
        case .building: return end(.buildTimeout, "")
        case .ready: return end(.stepTimeout, "")
        case .failed: return end(.ended, "it did not end by itself after the script had failed")
        case .closed: return end(.protocolViolation, "it closed its connection and did not end")
        case .waiting, .forking, .loading, .killed, .finished:
            self.due = nil
            return []
        }
    }

    /// Its process has taken this much processor time since it was forked; nil if that cannot be told, and then the time since the
    /// order to build stands for it.
    ///
    /// Told by the kernel and from outside: RLIMIT_CPU would do, but once the script is built nobody but the machine's root could
    /// lift it, and the time of its steps would count.
    mutating func measured(_ time: Duration?, now: Duration) -> [Action] {
        guard phase == .building else { return [] }
        let rest = .seconds(order.limits.buildCPUSeconds) - (time ?? now - buildBegan)
        guard rest > .zero else {
            return end(.buildCPUTime, "")
        }
        // Busy with every processor it would reach the limit then.
        nextLook = now + max(rest / processors, Self.leastLook)
        return []
    }

    /// Its process has ended. All that it had sent has been received before.
    /// - Parameter status: exit status, or minus the number of the signal.
    mutating func ended(status: Int32) -> [Action] {
        let (cause, detail) = cause ?? (.ended, "")
        return finish(WorkerExit(cause, status: status, detail: detail))
    }

    /// The kernel has ended the process for want of memory.
    mutating func ranOutOfMemory(_ shortage: MemoryShortage) {
        guard cause == nil else { return }
        let limit = ControlGroups.memoryBytes(order.limits) >> 20
        switch shortage {
        case .ofWorker: cause = (.memoryLimit, "all that it may hold, its folder included, is \(limit) MiB")
        case .ofMachine: cause = (.machineMemory, "")
        }
    }

    /// Its zygote has died, and it with it.
    mutating func lost(_ detail: String) -> [Action] {
        // What was decided before the zygote died is what the daemon waits for.
        let (cause, detail) = cause ?? (.lost, detail)
        return finish(WorkerExit(cause, detail: detail))
    }

    private mutating func startBuilding(_ now: Duration) {
        phase = .building
        buildBegan = now
        due = now + .seconds(order.limits.buildSeconds)
        nextLook = now + max(.seconds(order.limits.buildCPUSeconds) / processors, Self.leastLook)
    }

    private mutating func awaitProgress(_ now: Duration) {
        due = audit.owesAnswer ? now + .seconds(order.limits.stepSeconds) + Self.stepGrace : nil
    }

    private mutating func end(_ cause: WorkerExit.Cause, _ detail: String) -> [Action] {
        switch phase {
        case .finished, .killed: return []
        case .waiting: return finish(WorkerExit(cause, detail: detail))
        default:
            self.cause = (cause, detail)
            phase = .killed
            (due, nextLook, heldSince) = (nil, nil, nil)
            return [.kill]
        }
    }

    private mutating func finish(_ exit: WorkerExit) -> [Action] {
        guard phase != .finished else { return [] }
        phase = .finished
        (due, nextLook, heldSince) = (nil, nil, nil)
        return [.finish(exit)]
    }
}
