internal import Foundation
package import LachesisMessaging
internal import LachesisModel
package import LachesisWire
package import Logging
internal import Synchronization

/// The hosts that are connected, their plugins, and which worker runs where.
package final class HostRoster: Sendable {
    private struct Host {
        var pid: Int32
        var plugins: [String: PluginReport]
        var controlGroups: ControlGroupReport
        var workers = 0
        /// When it said something last.
        var heard = ContinuousClock.now
    }

    /// Used under `state` alone, or once it is there no longer.
    private final class Worker {
        let peer: [UInt8]
        let order: WorkerOrder
        let events: AsyncStream<WorkerEvent>.Continuation
        /// Signals that its feeder has not taken.
        var signals: FeedSignals = []
        /// When its feeder wants to be told that time has passed; nil never.
        var due: ContinuousClock.Instant?
        /// Called once its process has ended.
        var farewells: [@Sendable () -> Void] = []

        init(peer: [UInt8], order: WorkerOrder, events: AsyncStream<WorkerEvent>.Continuation) {
            (self.peer, self.order, self.events) = (peer, order, events)
        }

        func end(_ exit: WorkerExit) {
            events.yield(.exited(exit))
            events.finish()
            for farewell in farewells { farewell() }
        }
    }

    private struct State {
        var hosts: [[UInt8]: Host] = [:]
        var workers: [Epoch: Worker] = [:]
        var nextEpoch: Epoch
    }

    /// The hub's thread, on which the hosts' reports are handled: tasks that answer them run there without a way to another one. They
    /// must do elsewhere what takes long.
    var executor: any TaskExecutor { hub }

    package let logs = ScriptLogs()
    let vitals = WorkerVitals()
    /// The server's start counter.
    let session: UInt32
    private let hub: MessageHub
    private let logger: Logger
    private let state: Mutex<State>
    /// Of hosts that come and go, and of their plugins.
    private let news = HostNews()

    /// - Parameter session: the server's start counter; epochs of later sessions are larger.
    package init(hub: MessageHub, session: UInt32, logger: Logger) {
        (self.hub, self.session, self.logger) = (hub, session, logger)
        state = Mutex(State(nextEpoch: Epoch(session) << 32 + 1))
    }

    /// Passes the hosts' reports on until the hub closes.
    /// - Throws: `MessagingError` if it cannot hear them any more.
    package func run() async throws {
        do {
            try await hub.run { [self] envelope in
                do {
                    handle(try HostReport(decoding: envelope.message), from: envelope.peer)
                } catch {
                    logger.error("a host sent what cannot be understood", metadata: ["error": "\(error)"])
                }
            }
        } catch {
            logger.critical("the hosts cannot be heard any more", metadata: ["error": "\(error)"])
            throw error
        }
    }

    /// The plugins and their state, by name; a plugin that is ready on one host is ready.
    package func plugins() -> [PluginReport] {
        let reports = state.withLock { state in state.hosts.values.flatMap(\.plugins.values) }
        let best = Dictionary(reports.map { ($0.name, $0) }) { first, second in first.state == .ready ? first : second }
        return best.values.sorted { $0.name < $1.name }
    }

    /// What limits the workers' doings beyond what a process can be kept to by itself, host by host.
    package func controlGroups() -> [ControlGroupReport] { state.withLock { $0.hosts.values.map(\.controlGroups) } }

    /// The connected hosts' process ids, and how many workers each has.
    package func hosts() -> [(pid: Int32, workers: Int)] {
        state.withLock { $0.hosts.values.map { ($0.pid, $0.workers) } }.sorted { $0.pid < $1.pid }
    }

    package func counts() -> (hosts: Int, workers: Int) { state.withLock { ($0.hosts.count, $0.workers.count) } }

    /// Starts a worker on the host that has the fewest.
    /// - Throws: `FleetError` `.plugin` if there is no such plugin or it cannot run; `.unavailable` if no host has it warm in time.
    func start(_ order: WorkerOrder, patience: Duration) async throws -> WorkerLink {
        guard let link = try await news.wait(patience, for: { try place(order) }) else {
            throw FleetError(
                .unavailable, "no host is ready to run the plugin '\(order.plugin)' at the moment; try again")
        }
        return link
    }

    private func place(_ order: WorkerOrder) throws -> WorkerLink? {
        let (events, continuation) = AsyncStream.makeStream(of: WorkerEvent.self, bufferingPolicy: .unbounded)
        let placed: (Epoch, [UInt8], [String])? = try state.withLock { state in
            guard !state.hosts.isEmpty else { return nil }
            let candidates = state.hosts.filter { $0.value.plugins[order.plugin]?.state == .ready }
            guard let peer = candidates.min(by: { $0.value.workers < $1.value.workers })?.key else {
                try refuseIfHopeless(order.plugin, state)
                return nil
            }
            let epoch = state.nextEpoch
            state.nextEpoch += 1
            state.hosts[peer]?.workers += 1
            state.workers[epoch] = Worker(peer: peer, order: order, events: continuation)
            return (epoch, peer, state.hosts[peer]?.controlGroups.controllers ?? [])
        }
        guard let (epoch, peer, controllers) = placed else { return nil }
        hub.send(HostCommand.start(epoch, order).encoded, to: peer)
        return WorkerLink(epoch: epoch, order: order, controllers: controllers, events: events) { [hub] in
            hub.send($0.encoded, to: peer)
        }
    }

    private func refuseIfHopeless(_ plugin: String, _ state: borrowing State) throws {
        let reports = state.hosts.values.compactMap { $0.plugins[plugin] }
        guard !reports.isEmpty else {
            let names = Set(state.hosts.values.flatMap(\.plugins.keys)).sorted().joined(separator: ", ")
            throw FleetError(.plugin, "there is no plugin '\(plugin)'; this server has: \(names)")
        }
        if let failed = reports.first(where: { $0.state == .failed }), reports.allSatisfy({ $0.state == .failed }) {
            throw FleetError(
                .plugin, "the plugin '\(plugin)' cannot run on this server: \(failed.detail ?? "unknown reason")")
        }
    }

    /// Tells a worker's feeder something; what it has been told and has not taken is not told again.
    func signal(_ signals: FeedSignals, to epoch: Epoch) {
        let events: AsyncStream<WorkerEvent>.Continuation? = state.withLock { state in
            guard let worker = state.workers[epoch] else { return nil }
            defer { worker.signals.formUnion(signals) }
            return worker.signals.isEmpty ? worker.events : nil
        }
        events?.yield(.signalled)
    }

    /// What a worker's feeder has been told since it asked last.
    func takeSignals(of epoch: Epoch) -> FeedSignals {
        state.withLock { state in
            guard let worker = state.workers[epoch] else { return [] }
            defer { worker.signals = [] }
            return worker.signals
        }
    }

    /// Has a worker's feeder told once this moment has passed, in the place of what it wanted before.
    func remind(_ epoch: Epoch, at due: ContinuousClock.Instant) {
        state.withLock { $0.workers[epoch]?.due = due }
    }

    /// Reminds those who are to be, and asks all hosts for a sign of life.
    func tick() {
        let now = ContinuousClock.now
        let (peers, epochs) = state.withLock { state in
            let due = state.workers.keys.filter { state.workers[$0]?.due.map { $0 <= now } ?? false }
            for epoch in due { state.workers[epoch]?.due = nil }
            return (Array(state.hosts.keys), due)
        }
        for peer in peers { hub.send(HostCommand.ping.encoded, to: peer) }
        for epoch in epochs { signal(.tick, to: epoch) }
    }

    /// When the host with this process id said something last; nil if it has said nothing yet.
    func lastHeard(pid: Int32) -> ContinuousClock.Instant? {
        state.withLock { state in state.hosts.values.first { $0.pid == pid }?.heard }
    }

    /// Does something once a worker's process has ended, or its host; at once if that has happened.
    func whenEnded(_ epoch: Epoch, _ body: @escaping @Sendable () -> Void) {
        let isEnded = state.withLock { state in
            guard state.workers[epoch] != nil else { return true }
            state.workers[epoch]?.farewells.append(body)
            return false
        }
        if isEnded { body() }
    }

    /// A host's process ended: its workers are lost.
    func hostEnded(pid: Int32) {
        let lost = state.withLock { state in
            let peers = state.hosts.filter { $0.value.pid == pid }.map(\.key)
            for peer in peers { state.hosts[peer] = nil }
            let lost = state.workers.filter { peers.contains($0.value.peer) }
            for epoch in lost.keys { state.workers[epoch] = nil }
            return lost
        }
        news.tell()
        for epoch in lost.keys { vitals.ended(epoch) }
        for worker in lost.values { worker.end(WorkerExit(.lost, detail: "its host ended")) }
    }

    private func handle(_ report: HostReport, from peer: [UInt8]) {
        state.withLock { $0.hosts[peer]?.heard = .now }
        switch report {
        case .alive: break
        case .hello(let pid, let plugins, let groups):
            logger.info("host connected", metadata: ["pid": "\(pid)"])
            if let detail = groups.detail {
                logger.notice("workers are limited less", metadata: ["detail": "\(detail)"])
            }
            state.withLock { state in
                state.hosts[peer] = Host(
                    pid: pid, plugins: Dictionary(plugins.map { ($0.name, $0) }) { $1 }, controlGroups: groups)
            }
            news.tell()
        case .plugin(let plugin):
            state.withLock { $0.hosts[peer]?.plugins[plugin.name] = plugin }
            news.tell()
            log(plugin)
        case .started(let epoch, let pid):
            guard let events = worker(epoch, of: peer) else { return }
            vitals.started(epoch, pid: pid, time: Date().timeIntervalSince1970)
            events.yield(.started(pid: pid))
        case .usage(let usages):
            let own = state.withLock { state in usages.filter { state.workers[$0.epoch]?.peer == peer } }
            vitals.measured(own)
        case .message(let epoch, let kind, let payload):
            worker(epoch, of: peer)?.yield(.message(kind, payload, at: .now))
        case .output(let epoch, let bytes, let dropped):
            guard let order = state.withLock({ $0.workers[epoch]?.order }) else { return }
            logs.append(
                bytes, dropped: dropped, to: order.label, version: order.version, limits: order.limits,
                time: Date().timeIntervalSince1970)
        case .exited(let epoch, let exit):
            let ended = state.withLock { state -> Worker? in
                guard state.workers[epoch]?.peer == peer else { return nil }
                state.hosts[peer]?.workers -= 1
                return state.workers.removeValue(forKey: epoch)
            }
            guard let ended else { return }
            vitals.ended(epoch)
            ended.end(exit)
        }
    }

    private func worker(_ epoch: Epoch, of peer: [UInt8]) -> AsyncStream<WorkerEvent>.Continuation? {
        state.withLock { state in
            guard let worker = state.workers[epoch], worker.peer == peer else { return nil }
            return worker.events
        }
    }

    private func log(_ plugin: PluginReport) {
        switch plugin.state {
        case .warming: logger.info("plugin is warming", metadata: ["plugin": "\(plugin.name)"])
        case .ready: logger.info("plugin is ready", metadata: ["plugin": "\(plugin.name)"])
        case .failed:
            logger.warning(
                "plugin cannot run", metadata: ["plugin": "\(plugin.name)", "detail": "\(plugin.detail ?? "")"])
        }
    }
}
