internal import LachesisWire

/// What the host does with its plugins' zygotes.
extension HostLoop {
    /// Answers taken from one zygote in one round.
    private static let answersAtOnce = 64

    func perform(_ actions: [ZygoteLifecycle.Action], on zygote: ZygoteProcess) throws(HostError) {
        for action in actions {
            switch action {
            case .start: try start(zygote)
            case .kill: zygote.kill()
            case .report(let report):
                if let detail = report.detail { log("plugin '\(report.name)', \(report.state.rawValue): \(detail)") }
                try send(.plugin(report))
            case .sendOrders: try sendOrders(of: zygote)
            case .refuseHeld(let reason):
                let held = zygote.heldForks
                zygote.removeHeldForks()
                for worker in held.compactMap({ workers[$0] }) {
                    try perform(worker.lifecycle.refused(reason), on: worker)
                }
            case .loseWorkers(let reason):
                // Those that have not been forked yet wait for the next zygote.
                for worker in workers.values where worker.plugin == zygote.name && worker.lifecycle.phase != .waiting {
                    try lost(worker, reason)
                }
            }
        }
        arm(zygote.lifecycle.deadline)
    }

    private func start(_ zygote: ZygoteProcess) throws(HostError) {
        do {
            try zygote.start(configuration, workFolder: runtime.path)
        } catch {
            return try perform(zygote.lifecycle.ended(error.description, now: now), on: zygote)
        }
        if let number = zygote.controlNumber { zygote.controlToken = try listen(number, .zygoteControl(zygote.name)) }
        if let number = zygote.logNumber { zygote.logToken = try listen(number, .zygoteLog(zygote.name)) }
    }

    /// Sends the orders that wait, in order, as long as the zygote takes them and does not fall behind.
    func sendOrders(of zygote: ZygoteProcess) throws(HostError) {
        guard zygote.lifecycle.isReady else { return }
        var isBlocked = false
        while let order = zygote.orders.first, !isBlocked {
            switch order {
            case .kill(let epoch): isBlocked = try !zygote.send(.kill(epoch), descriptors: [])
            case .fork(let epoch):
                // Stopped while it waited.
                guard let worker = workers[epoch], worker.lifecycle.phase == .waiting else { break }
                guard zygote.lifecycle.unansweredForks < ZygoteProcess.forksAtOnce else { return }
                isBlocked = try !fork(worker, zygote)
            }
            if !isBlocked { zygote.removeFirstOrder() }
        }
        guard isBlocked != zygote.awaitsWriting, let number = zygote.controlNumber, let token = zygote.controlToken
        else { return }
        try events.awaitWriting(isBlocked, number, token: token)
        zygote.awaitsWriting = isBlocked
    }

    /// - Returns: false if the zygote takes no order now.
    private func fork(_ worker: WorkerProcess, _ zygote: ZygoteProcess) throws(HostError) -> Bool {
        do {
            let socket = try DescriptorPair.sockets()
            let log = try DescriptorPair.pipe()
            if !worker.hasFolder { _ = try runtime.make(worker.folderName) }
            worker.hasFolder = true
            let order = ZygoteOrder.fork(
                worker.epoch, WorkerSpace(worker.limits), folder: "\(runtime.path)/\(worker.folderName)")
            guard try zygote.send(order, descriptors: [socket.far.number, log.far.number]) else { return false }
            worker.attach(socket: socket.near, log: log.near)
        } catch {
            try perform(worker.lifecycle.forkFailed(error.description), on: worker)
            return true
        }
        worker.lifecycle.forkOrdered()
        zygote.lifecycle.forkSent(now: now)
        arm(zygote.lifecycle.deadline)
        return true
    }

    /// - Returns: whether there may be more.
    @discardableResult
    func takeAnswers(of zygote: ZygoteProcess) throws(HostError) -> Bool {
        for _ in 0..<Self.answersAtOnce {
            switch zygote.receive(&buffer) {
            case .answer(let answer): try handle(answer, of: zygote)
            case .none: return false
            case .violation(let reason):
                try perform(zygote.lifecycle.violated(reason), on: zygote)
                return false
            case .closed:
                // It is ending, or is of no use any more; that it has ended is heard as its parent.
                try stopListening(&zygote.controlToken, zygote.controlNumber)
                zygote.kill()
                return false
            }
        }
        return true
    }

    private func handle(_ answer: ZygoteAnswer, of zygote: ZygoteProcess) throws(HostError) {
        switch answer {
        case .ready: try perform(zygote.lifecycle.warmed(now: now), on: zygote)
        case .failed(let detail): try perform(zygote.lifecycle.failedToWarm(detail, now: now), on: zygote)
        case .forked(let epoch, let pid):
            try perform(zygote.lifecycle.forkAnswered(), on: zygote)
            if let worker = worker(epoch, of: zygote) { try forked(worker, pid: zygote.machinePid(of: pid)) }
        case .notForked(let epoch, let reason):
            try perform(zygote.lifecycle.forkAnswered(), on: zygote)
            if let worker = worker(epoch, of: zygote) { try perform(worker.lifecycle.forkFailed(reason), on: worker) }
        case .exited(let epoch, let status):
            if let worker = worker(epoch, of: zygote) { try ended(worker, status: status) }
        }
    }

    private func forked(_ worker: WorkerProcess, pid: Int32) throws(HostError) {
        if let failure = groups.take(pid, as: worker.folderName, limits: worker.limits) {
            try perform(worker.lifecycle.uncontained(failure), on: worker)
        } else {
            try perform(worker.lifecycle.forked(pid: pid, now: now), on: worker)
        }
    }

    private func worker(_ epoch: Epoch, of zygote: ZygoteProcess) -> WorkerProcess? {
        guard let worker = workers[epoch], worker.plugin == zygote.name else { return nil }
        return worker
    }

    func takeLog(of zygote: ZygoteProcess) throws(HostError) {
        guard !zygote.readLog(&buffer) else { return }
        try stopListening(&zygote.logToken, zygote.logNumber)
        zygote.closeLog()
    }

    /// Children have ended: zygotes, and what came to this process as their foster parent.
    func reap() throws(HostError) {
        var mayHaveStrays = false
        while let child = EndedChild.next() {
            mayHaveStrays = true
            if let zygote = zygotes.values.first(where: { $0.pid == child.pid }) {
                try ended(zygote, status: child.status)
            }
        }
        guard mayHaveStrays else { return }
        let known = Set(zygotes.values.compactMap(\.pid))
        killStrays { known.contains($0) }
    }

    private func ended(_ zygote: ZygoteProcess, status: Int32) throws(HostError) {
        // What it said before it ended comes first, such as why it failed.
        while try takeAnswers(of: zygote) {}
        zygote.readLastOutput(&buffer)
        try stopListening(&zygote.controlToken, zygote.controlNumber)
        try stopListening(&zygote.logToken, zygote.logNumber)
        zygote.awaitsWriting = false
        let how = status < 0 ? "it was ended by signal \(-status)" : "it ended with status \(status)"
        let output = zygote.output.text
        zygote.ended()
        try perform(zygote.lifecycle.ended(output.isEmpty ? how : "\(how): \(output)", now: now), on: zygote)
    }
}
