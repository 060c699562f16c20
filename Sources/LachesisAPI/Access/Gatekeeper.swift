internal import HTTPTypes
package import LachesisModel
internal import LachesisStore
package import Logging
internal import NIOCore
internal import Synchronization

/// Lets requests in, be they HTTP or the opening of a WebSocket: by host and origin first, then by token.
package final class Gatekeeper: Sendable {
    /// A request at the gate.
    struct Arrival: Sendable {
        let method: HTTPRequest.Method
        /// As it was given to the router; nil where no route matched.
        let route: String?
        /// The battery that is uploaded to.
        var battery: BatteryName?
        /// The `Host` field.
        let authority: String?
        let fields: HTTPFields
        let peer: SocketAddress?
        let own: SocketAddress?
    }

    private let audit: AuditLog
    private let policy: Mutex<AccessPolicy>
    private let hosts: HostRules
    /// The `Host` that was allowed last, and the address at which: most requests repeat it, and to compare takes less than to read.
    private let lastHost = Mutex<(authority: String, own: SocketAddress?)?>(nil)
    private let refusals = Mutex(RefusalLedger())
    private let logger: Logger

    /// - Parameters:
    ///   - grants: the tokens that there are now.
    ///   - isLoopback: whether the server listens on loopback alone.
    package init(grants: [Grant], isLoopback: Bool, hosts: HostRules, audit: AuditLog, logger: Logger) {
        policy = Mutex(AccessPolicy(grants: grants, isLoopback: isLoopback))
        (self.hosts, self.audit, self.logger) = (hosts, audit, logger)
    }

    /// - Returns: who asks.
    /// - Throws: `AccessDenial`, which is logged and in the audit log by then.
    func admit(_ arrival: Arrival) throws(AccessDenial) -> Caller {
        let (caller, denial) = judge(arrival)
        guard let denial else { return caller }
        note(denial, arrival, caller)
        throw denial
    }

    /// Whether a request would be let in; nothing is logged.
    func admits(_ arrival: Arrival) -> Bool { judge(arrival).denial == nil }

    private func judge(_ arrival: Arrival) -> (caller: Caller, denial: AccessDenial?) {
        let policy = policy.withLock(\.self)
        let authorization = arrival.fields[values: .authorization]
        let cookie = authorization.isEmpty ? AccessCookie.secret(in: arrival.fields) : nil
        let caller = cookie.map { policy.caller($0) } ?? policy.caller(authorization)
        do throws(AccessDenial) {
            try checkHosts(of: arrival)
            if cookie != nil, caller != .local { try checkCookie(of: arrival) }
            let requirement = RouteTable.requirement(arrival.method, arrival.route)
            return (caller, policy.denial(of: requirement, to: caller, battery: arrival.battery))
        } catch {
            return (caller, error)
        }
    }

    /// Whether there are no tokens, so that everybody on this machine may do everything.
    var isOpen: Bool { policy.withLock(\.self).isOpen }

    /// Who shows this token; a stranger is logged and in the audit log by then.
    /// - Throws: `AccessDenial` `.unknown`.
    func caller(showing token: String, _ arrival: Arrival) throws(AccessDenial) -> Caller {
        let policy = policy.withLock(\.self)
        let caller = TokenSecret(token).map { policy.caller($0) } ?? .nobody
        if caller == .nobody {
            note(.unknown, arrival, caller)
            throw .unknown
        }
        return caller
    }

    /// Whether one who was let in before may still be.
    func stillKnows(_ caller: Caller) -> Bool { policy.withLock(\.self).stillKnows(caller) }

    /// Takes over the tokens that there are now.
    func update(_ grants: [Grant]) {
        let isNews = policy.withLock { policy in
            defer { policy.grants = grants }
            return policy.grants != grants
        }
        if isNews { sayWhoMay() }
    }

    /// Logs whether there is access control.
    package func sayWhoMay() {
        let policy = policy.withLock(\.self)
        if policy.isOpen {
            logger.notice("there are no tokens: everybody on this machine may do everything, nobody else anything")
        } else if policy.grants.isEmpty {
            logger.warning("there are no tokens left: nobody may do anything")
        } else {
            logger.notice("access is by token", metadata: ["tokens": "\(policy.grants.count)"])
        }
    }

    private func checkHosts(of arrival: Arrival) throws(AccessDenial) {
        // HTTPTypes keeps the first `Host` apart from the other fields.
        guard let authority = arrival.authority, arrival.fields[values: Self.host].isEmpty else { throw .noHost }
        let isKnown = lastHost.withLock { $0.map { $0.authority == authority && $0.own == arrival.own } ?? false }
        if !isKnown {
            guard hosts.allows(authority: authority, own: arrival.own?.ipAddress) else { throw .host(authority) }
            lastHost.withLock { $0 = (authority, arrival.own) }
        }
        for origin in arrival.fields[values: .origin] where !hosts.allows(origin: origin, own: arrival.own?.ipAddress) {
            throw .origin(origin)
        }
    }

    /// A browser sends the cookie along with whatever another port of this host asks for, so what changes something needs an
    /// `Origin` that is this very server: its scheme does not show here, its host and port do.
    private func checkCookie(of arrival: Arrival) throws(AccessDenial) {
        let isHarmless = [.get, .head].contains(arrival.method) && arrival.route != RouteTable.upload
        if isHarmless { return }
        let origins = arrival.fields[values: .origin]
        guard origins.count == 1, let authority = arrival.authority,
            HostRules.isOrigin(origins[0], of: authority)
        else { throw .foreignCookie }
    }

    private static let host = HTTPField.Name("host") ?? .origin

    /// Has an entry written of what was done; one of what was refused or failed, as far as its caller's budget allows.
    func note(_ entry: AuditEntry) {
        guard entry.outcome != .ok else { return audit.append(entry) }
        guard let untold = refusals.withLock({ $0.audit(entry.caller, at: .now) }) else { return }
        var entry = entry
        entry.untold = untold
        audit.append(entry)
    }

    /// Logs and audits a refusal, as far as the ledger allows.
    private func note(_ denial: AccessDenial, _ arrival: Arrival, _ caller: Caller) {
        let peer = arrival.peer?.ipAddress ?? "?"
        if refusals.withLock({ $0.mayLog(caller, peer, at: .now) }) {
            logger.warning(
                "request refused",
                metadata: [
                    "peer": "\(peer)", "request": "\(arrival.method) \(arrival.route ?? "of no endpoint")",
                    "status": "\(denial.status.code)", "reason": "\(denial.detail)",
                ])
        }
        var entry = AuditEntry(action: "\(arrival.method) \(arrival.route ?? "?")", caller: caller)
        entry.peer = arrival.peer
        entry.battery = arrival.battery?.text
        entry.outcome = .refused
        entry.status = denial.status.code
        entry.detail = denial.detail
        note(entry)
    }
}
