internal import CSandbox
internal import Glibc
internal import LachesisMessaging
internal import LachesisWire

/// The host: starts, feeds, watches and stops workers, all on one thread.
///
/// Every round takes a bounded amount from each peer, so that none of them, however much it sends, keeps the others
/// waiting.
package final class HostLoop {
    enum Source {
        /// Standard input: its end is the daemon's.
        case lifeline
        case signals
        case zygoteControl(String)
        case zygoteLog(String)
        case workerSocket(Epoch)
        case workerLog(Epoch)
    }

    /// Commands of the daemon taken in one round.
    private static let commandsAtOnce = 32

    let configuration: HostConfiguration
    let socket: MessageSocket
    let events: EventQueue
    private let signals: SignalSource
    var runtime: RuntimeFolder
    var groups: ControlGroups
    var zygotes: [String: ZygoteProcess] = [:]
    var workers: [Epoch: WorkerProcess] = [:]
    var room: MessageRoom
    var sources: [UInt64: Source] = [:]
    private var nextToken: UInt64 = 1
    /// The earliest time at which a deadline may have passed; nil if there is none. May be too early, never too late.
    private var nextCheck: Duration?
    /// Scratch memory for one packet.
    var buffer = [UInt8](repeating: 0, count: PacketFormat.packetBytes)
    var now = monotonicNow()
    private var mustEnd = false
    /// Events looked at since all that there were had been.
    private var eventsInARow = 0
    var usageRounds = UsageRounds()

    /// - Throws: `HostError` `.configuration` if a setting cannot work.
    package init(_ configuration: HostConfiguration) throws(HostError) {
        let configuration = configuration.withAbsolutePaths
        self.configuration = configuration
        guard configuration.unfinishedBytes >= WorkerMessageLimits.fromWorker, configuration.messageTime > .zero else {
            throw HostError(
                .configuration,
                "unfinished messages need room for one of \(WorkerMessageLimits.fromWorker >> 20) MiB, and time")
        }
        room = MessageRoom(capacity: configuration.unfinishedBytes, time: configuration.messageTime)
        let plugins = try PluginFolder.all(in: configuration.plugins)
        // Blocked before ZeroMQ starts its threads, which inherit the mask: else one of them would take the signals.
        signals = try SignalSource([lachesis_sigchld, lachesis_sigterm])
        for signal in [lachesis_sigpipe, lachesis_sigint, lachesis_sighup] {
            // An interrupt at the terminal reaches the whole group; the daemon decides what it means.
            guard lachesis_ignore_signal(signal) == 0 else { throw .last("signal") }
        }
        guard lachesis_raise_open_files() == 0 else { throw .last("raising the limit of open files") }
        // The thread's name is the process's; ZeroMQ names its own.
        guard lachesis_adopt_orphans("lachesis-host") == 0 else { throw .last("prctl") }
        runtime = try RuntimeFolder(in: configuration.runtime ?? "/tmp/lachesis-host-\(geteuid())")
        groups = ControlGroups()
        events = try EventQueue()
        do {
            socket = try MessageSocket.dealer(connecting: configuration.endpoint)
        } catch {
            throw HostError(.configuration, error.description)
        }
        for plugin in plugins { zygotes[plugin.name] = ZygoteProcess(plugin, configuration: configuration) }
        try listen(signals.number, .signals)
        try listenToLifeline()
    }

    /// Serves the daemon until it goes or asks for the end; all processes have ended then.
    package func run() throws(HostError) {
        let reports = zygotes.values.map(\.lifecycle.report).sorted { $0.name < $1.name }
        try send(.hello(pid: getpid(), plugins: reports, controlGroups: groups.report))
        nextCheck = now
        defer { shutDown() }
        while !mustEnd { try turn() }
    }

    /// One round: wait, take what has come, look at deadlines, sweep.
    private func turn() throws(HostError) {
        let hasMessage: Bool
        let hasEvents: Bool
        do {
            let (message, ready) = try socket.wait(reading: [events.number], timeout: patience())
            (hasMessage, hasEvents) = (message, ready[0])
        } catch {
            throw HostError(.system, error.description)
        }
        now = monotonicNow()
        if hasMessage { try takeCommands() }
        var isUpToDate = true
        if hasEvents {
            let found = try events.take()
            eventsInARow += found.count
            // The kernel takes turns: after as many as there are sources each has been looked at, even if some always have more. A
            // crowd that floods its host must not keep deadlines from passing.
            isUpToDate = found.count < EventQueue.capacity || eventsInARow >= sources.count
            for event in found { try handle(event) }
        }
        if isUpToDate { eventsInARow = 0 }
        // Not while there may be progress that has not been looked at: a slow host must not mistake workers for hung.
        if isUpToDate, let nextCheck, now >= nextCheck { try checkDeadlines() }
        if runtime.hasSweeps { runtime.sweep() }
    }

    private func patience() -> Duration? {
        if runtime.hasSweeps { return .zero }
        return nextCheck.map { max($0 - monotonicNow(), .zero) }
    }

    private func takeCommands() throws(HostError) {
        for _ in 0..<Self.commandsAtOnce {
            let received: (peer: [UInt8], message: [UInt8])?
            do {
                received = try socket.receive()
            } catch {
                throw HostError(.system, error.description)
            }
            guard let received else { return }
            do {
                try handle(HostCommand(decoding: received.message))
            } catch let error as WireError {
                log("a command that cannot be understood: \(error)")
            } catch let error as HostError {
                throw error
            } catch {
                throw HostError(.system, "\(error)")
            }
        }
    }

    private func handle(_ event: EventQueue.Event) throws(HostError) {
        // Gone if an event before this one in the same round ended it.
        switch sources[event.token] {
        case .lifeline: takeLifeline()
        case .signals: try takeSignals()
        case .zygoteControl(let name):
            guard let zygote = zygotes[name] else { return }
            if event.isReadable { try takeAnswers(of: zygote) }
            if event.isWritable { try sendOrders(of: zygote) }
        case .zygoteLog(let name):
            if let zygote = zygotes[name] { try takeLog(of: zygote) }
        case .workerSocket(let epoch):
            guard let worker = workers[epoch] else { return }
            if event.isReadable { try takeMessages(of: worker) }
            if event.isWritable { try flush(worker) }
        case .workerLog(let epoch):
            if let worker = workers[epoch] { try takeLog(of: worker) }
        case nil: return
        }
    }

    private func checkDeadlines() throws(HostError) {
        nextCheck = nil
        for zygote in zygotes.values { try perform(zygote.lifecycle.check(now: now), on: zygote) }
        for worker in workers.values {
            try perform(worker.lifecycle.check(now: now), on: worker)
            try tellOfCut(worker)
        }
        try endOverdueMessages()
        if groups.hasDoomed { groups.sweep() }
        armSweep()
        for zygote in zygotes.values { arm(zygote.lifecycle.deadline) }
        for worker in workers.values { arm(worker.lifecycle.deadline) }
        try reportUsage()
    }

    /// Sees to it that deadlines are looked at when this one passes.
    func arm(_ deadline: Duration?) {
        guard let deadline else { return }
        nextCheck = min(nextCheck ?? deadline, deadline)
    }

    /// Sees to it that what is left of ended workers' control groups is removed before long.
    func armSweep() { if groups.hasDoomed { arm(now + .seconds(1)) } }

    private func takeSignals() throws(HostError) {
        let found = signals.take()
        if found.contains(lachesis_sigterm) { mustEnd = true }
        if found.contains(lachesis_sigchld) { try reap() }
    }

    private func listenToLifeline() throws(HostError) {
        do {
            try listen(0, .lifeline)
        } catch {
            throw HostError(
                .configuration,
                "standard input must be a pipe or terminal that stays open while the host is to run (\(error.description))"
            )
        }
    }

    private func takeLifeline() {
        let count = read(0, &buffer, buffer.count)
        if count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR) { mustEnd = true }
    }

    /// Tells the daemon.
    /// - Throws: `HostError` `.system` if that is impossible; the host then ends, and the daemon starts another.
    func send(_ report: HostReport) throws(HostError) {
        let isSent: Bool
        do {
            isSent = try socket.send(report.encoded)
        } catch {
            throw HostError(.system, error.description)
        }
        guard isSent else { throw HostError(.system, "the daemon cannot be reached") }
    }

    // MARK: Listening

    @discardableResult
    func listen(_ number: Int32, _ source: Source) throws(HostError) -> UInt64 {
        let token = nextToken
        try events.add(number, token: token)
        nextToken += 1
        sources[token] = source
        return token
    }

    func stopListening(_ token: inout UInt64?, _ number: Int32?) throws(HostError) {
        guard let known = token, let number else { return }
        token = nil
        sources[known] = nil
        try events.remove(number)
    }
}
