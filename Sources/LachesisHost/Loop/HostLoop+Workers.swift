internal import LachesisWire

/// What the host does with its workers.
extension HostLoop {
    /// Packets taken from one worker in one round: at most 1 MiB.
    private static let packetsAtOnce = 16
    /// Packets and reads that are taken from a worker whose process has ended: more than the kernel holds for it.
    private static let lastPackets = 4096
    private static let lastReads = 64

    /// - Parameter message: what `enqueue` and `forward` are about.
    func perform(
        _ actions: [WorkerLifecycle.Action], on worker: WorkerProcess, message: (WorkerMessageKind, [UInt8])? = nil
    ) throws(HostError) {
        for action in actions {
            switch action {
            case .enqueue:
                guard let (kind, payload) = message else { continue }
                guard worker.channel.enqueue(kind, payload) else {
                    try perform(worker.lifecycle.overflowed(), on: worker)
                    continue
                }
                // Before the zygote's answer nothing goes out: the worker's reply must not overtake it.
                if worker.socketToken != nil { try flush(worker) }
            case .forward:
                if let (kind, payload) = message { try send(.message(worker.epoch, kind, payload)) }
            case .kill:
                try stopListening(&worker.socketToken, worker.channel.number)
                worker.channel.quiet()
                try leaveRoom(worker)
                guard let zygote = zygotes[worker.plugin] else { continue }
                zygote.append(.kill(worker.epoch))
                try sendOrders(of: zygote)
            case .measure: try perform(worker.lifecycle.measured(worker.processorTime, now: now), on: worker)
            case .reportStarted(let pid):
                if pid > 0 { worker.pid = pid }
                usageRounds.started(now: now)
                arm(usageRounds.due)
                try send(.started(worker.epoch, pid: pid))
                try listen(to: worker)
            case .finish(var exit):
                exit.output = worker.output.text
                try remove(worker)
                try send(.exited(worker.epoch, exit))
            }
        }
        arm(worker.lifecycle.deadline)
    }

    private func listen(to worker: WorkerProcess) throws(HostError) {
        try listenToSocket(of: worker)
        if let number = worker.logNumber { worker.logToken = try listen(number, .workerLog(worker.epoch)) }
    }

    func listenToSocket(of worker: WorkerProcess) throws(HostError) {
        guard let number = worker.channel.number else { return }
        worker.socketToken = try listen(number, .workerSocket(worker.epoch))
        try flush(worker)
    }

    /// Sends what the worker's connection takes, and asks to be told when it takes more.
    func flush(_ worker: WorkerProcess) throws(HostError) {
        guard let token = worker.socketToken, let number = worker.channel.number else { return }
        let hasMore: Bool
        do {
            hasMore = try worker.channel.flush()
        } catch {
            return try perform(worker.lifecycle.unreachable(error.description), on: worker)
        }
        guard hasMore != worker.awaitsWriting else { return }
        try events.awaitWriting(hasMore, number, token: token)
        worker.awaitsWriting = hasMore
    }

    func takeMessages(of worker: WorkerProcess) throws(HostError) {
        if try receive(from: worker, atMost: Self.packetsAtOnce) { return }
        worker.lifecycle.closed(now: now)
        try closeSocket(of: worker)
        arm(worker.lifecycle.deadline)
    }

    /// - Parameter isLast: whether its process has ended, and all that there is of it is what the kernel holds.
    /// - Returns: false if the worker's end is closed.
    private func receive(from worker: WorkerProcess, atMost count: Int, isLast: Bool = false) throws(HostError) -> Bool
    {
        for _ in 0..<count {
            guard worker.lifecycle.listens else { return true }
            if !isLast, try !mayRead(worker) { return true }
            switch worker.channel.receive(&buffer) {
            case .none: return true
            case .part: if !isLast { occupyRoom(worker) }
            case .closed: return false
            case .violation(let reason): try perform(worker.lifecycle.violated(reason), on: worker)
            case .message(let message):
                try leaveRoom(worker)
                let actions = worker.lifecycle.received(message.kind, message.payload, now: now)
                let kind = WorkerMessageKind(rawValue: message.kind)
                try perform(actions, on: worker, message: kind.map { ($0, message.payload) })
            }
        }
        return true
    }

    func takeLog(of worker: WorkerProcess) throws(HostError) {
        let isOpen = worker.readLog(&buffer, atMost: 1)
        try passOutput(of: worker)
        guard !isOpen else { return }
        try stopListening(&worker.logToken, worker.logNumber)
        worker.closeLog()
    }

    /// The zygote has reaped it: takes what it had still sent, and only then reports its end.
    func ended(_ worker: WorkerProcess, status: Int32) throws(HostError) {
        try drain(worker)
        if let shortage = groups.memoryShortage(worker.folderName) { worker.lifecycle.ranOutOfMemory(shortage) }
        try perform(worker.lifecycle.ended(status: status), on: worker)
    }

    /// Its zygote has died.
    func lost(_ worker: WorkerProcess, _ detail: String) throws(HostError) {
        try drain(worker)
        try perform(worker.lifecycle.lost(detail), on: worker)
    }

    private func drain(_ worker: WorkerProcess) throws(HostError) {
        if worker.channel.number != nil { _ = try receive(from: worker, atMost: Self.lastPackets, isLast: true) }
        _ = worker.readLog(&buffer, atMost: Self.lastReads)
        try passOutput(of: worker, isLast: true)
    }

    private func passOutput(of worker: WorkerProcess, isLast: Bool = false) throws(HostError) {
        let output = worker.takeOutput(isLast: isLast, now: now)
        arm(worker.cutIsDue)
        if let (bytes, dropped) = output { try send(.output(worker.epoch, bytes, dropped: dropped)) }
    }

    /// Tells of a cut that nothing came after: whoever floods its output and then is silent is to know.
    func tellOfCut(_ worker: WorkerProcess) throws(HostError) {
        guard let due = worker.cutIsDue else { return }
        if now >= due { try passOutput(of: worker, isLast: true) } else { arm(due) }
    }

    private func closeSocket(of worker: WorkerProcess) throws(HostError) {
        try stopListening(&worker.socketToken, worker.channel.number)
        worker.channel.close()
        try leaveRoom(worker)
    }

    private func remove(_ worker: WorkerProcess) throws(HostError) {
        try closeSocket(of: worker)
        try stopListening(&worker.logToken, worker.logNumber)
        worker.closeLog()
        workers[worker.epoch] = nil
        if worker.hasFolder { runtime.doom(worker.folderName) }
        groups.remove(worker.folderName)
        armSweep()
    }
}
