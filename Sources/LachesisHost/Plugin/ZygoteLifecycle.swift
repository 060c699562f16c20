internal import LachesisWire

/// A plugin's zygote from start to restart: decides, and does nothing itself. Times are those of one monotonic clock.
struct ZygoteLifecycle {
    enum Phase: Equatable {
        /// No process; the next is started when the time has come.
        case idle(until: Duration)
        case warming(deadline: Duration)
        case ready
        /// It said that it cannot run, and is about to end by itself.
        case failed(deadline: Duration)
        /// It has been killed; its end is not reported yet.
        case killed
    }

    enum Action: Equatable {
        case start
        case kill
        case report(PluginReport)
        /// Starts that wait for this zygote are answered: it cannot run.
        case refuseHeld(String)
        /// All its workers have died with it.
        case loseWorkers(String)
        /// Starts that wait for this zygote can go.
        case sendOrders
    }

    /// After a zygote that had worked: back soon, as batteries wait for it.
    static let restart = Backoff(first: .milliseconds(250), longest: .seconds(30))
    /// After one that could not import what it needs: somebody may install it.
    static let retry = Backoff(first: .seconds(5), longest: .seconds(300))
    /// A zygote that worked so long gets a fresh start.
    static let settled = Duration.seconds(60)
    static let farewell = Duration.seconds(2)

    private let name: String
    private let warmTime: Duration
    private let forkTime: Duration
    private(set) var phase = Phase.idle(until: .zero)
    /// Why it cannot run; nil while it can or may.
    private(set) var failure: String?
    /// When the orders to fork were sent that are not answered yet; answers come in the same order.
    private var unanswered: [Duration] = []
    /// What it said when it failed, or why it was killed.
    private var reason: String?
    /// Since when this process has worked; nil if it has not.
    private var readySince: Duration?
    private var restarts = Self.restart
    private var retries = Self.retry

    init(name: String, warmTime: Duration, forkTime: Duration) {
        (self.name, self.warmTime, self.forkTime) = (name, warmTime, forkTime)
    }

    var isReady: Bool { phase == .ready }
    var unansweredForks: Int { unanswered.count }

    /// As the daemon is told.
    var report: PluginReport {
        if isReady { return PluginReport(name: name, state: .ready) }
        if let failure { return PluginReport(name: name, state: .failed, detail: failure) }
        return PluginReport(name: name, state: .warming)
    }

    /// When something must have happened or is to be done; nil if nothing is due.
    var deadline: Duration? {
        switch phase {
        case .idle(let until): until
        case .warming(let deadline), .failed(let deadline): deadline
        case .ready: unanswered.first.map { $0 + forkTime }
        case .killed: nil
        }
    }

    /// Looks at the deadline.
    mutating func check(now: Duration) -> [Action] {
        guard let deadline, now >= deadline else { return [] }
        switch phase {
        case .idle:
            phase = .warming(deadline: now + warmTime)
            // What made it fail before is still the truth for the daemon until it has warmed.
            return failure == nil ? [.start, .report(report)] : [.start]
        case .warming: return kill("its packages were not imported within \(warmTime)")
        case .failed: return kill(nil)
        case .ready: return kill("it did not answer within \(forkTime)")
        case .killed: return []
        }
    }

    mutating func warmed(now: Duration) -> [Action] {
        guard case .warming = phase else { return kill("it said twice that it was ready") }
        phase = .ready
        readySince = now
        failure = nil
        retries.reset()
        return [.report(report), .sendOrders]
    }

    mutating func failedToWarm(_ detail: String, now: Duration) -> [Action] {
        guard case .warming = phase else { return kill("it said that it failed after it was ready") }
        phase = .failed(deadline: now + Self.farewell)
        reason = detail
        return []
    }

    mutating func forkSent(now: Duration) { unanswered.append(now) }

    /// - Returns: an order to kill the zygote if nothing was to be answered.
    mutating func forkAnswered() -> [Action] {
        guard !unanswered.isEmpty else { return kill("it answered what nobody had asked") }
        unanswered.removeFirst()
        return [.sendOrders]
    }

    /// It sent what it must not.
    mutating func violated(_ detail: String) -> [Action] { kill(detail) }

    /// Its process has ended, or could not be started.
    /// - Parameter detail: how; used if it is not known why.
    mutating func ended(_ detail: String, now: Duration) -> [Action] {
        let why = reason ?? detail
        let since = readySince
        (reason, readySince) = (nil, nil)
        unanswered.removeAll()
        guard let since else {
            failure = why
            phase = .idle(until: now + retries.take())
            return [.report(report), .refuseHeld(why)]
        }
        if now - since >= Self.settled { restarts.reset() }
        phase = .idle(until: now + restarts.take())
        return [
            .loseWorkers("the plugin's zygote died: \(why)"),
            .report(PluginReport(name: name, state: .warming, detail: why)),
        ]
    }

    private mutating func kill(_ why: String?) -> [Action] {
        switch phase {
        case .idle, .killed: return []
        case .warming, .ready, .failed:
            reason = reason ?? why
            phase = .killed
            return [.kill]
        }
    }
}
