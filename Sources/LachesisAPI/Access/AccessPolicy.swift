package import LachesisModel
internal import LachesisStore

/// Who asks.
package enum Caller: Sendable, Equatable {
    /// Somebody on this machine, while there are no tokens.
    case local
    /// Somebody without a token that is known.
    case nobody
    case bearer(Grant)
}

/// Who may do what, by the tokens that there are at one moment; pure.
struct AccessPolicy: Sendable {
    var grants: [Grant]
    /// Whether the server listens on loopback alone.
    let isLoopback: Bool

    /// Without tokens everything is allowed, but to this machine only: revoking the last one opens nothing to a network.
    var isOpen: Bool { grants.isEmpty && isLoopback }

    /// - Parameter authorization: the request's `Authorization` fields.
    func caller(_ authorization: [String]) -> Caller {
        if isOpen { return .local }
        guard authorization.count == 1, let secret = Self.secret(authorization[0]) else { return .nobody }
        return caller(secret)
    }

    func caller(_ secret: TokenSecret) -> Caller {
        if isOpen { return .local }
        let hash = secret.hash
        var found = Caller.nobody
        // All are looked at, so that the time does not tell which it was.
        for grant in grants where equalInConstantTime(grant.hash, hash) { found = .bearer(grant) }
        return found
    }

    /// Why a caller may not do something; nil if it may.
    /// - Parameter battery: the one that is uploaded to.
    func denial(of requirement: Requirement, to caller: Caller, battery: BatteryName? = nil) -> AccessDenial? {
        guard case .role(let role) = requirement else { return nil }
        switch caller {
        case .local:
            return isOpen ? nil : .unknown
        case .nobody:
            return .unknown
        case .bearer(let grant):
            guard grant.has(role) else { return .role(role) }
            if role == .upload, let battery, !grant.mayUpload(to: battery) { return .battery(battery) }
            return nil
        }
    }

    /// Whether one who was let in before may still be; for connections that last.
    func stillKnows(_ caller: Caller) -> Bool {
        switch caller {
        case .local: isOpen
        case .nobody: false
        case .bearer(let grant): grants.contains { $0.id == grant.id }
        }
    }

    /// The secret of `Bearer lachesis_…`.
    private static func secret(_ field: String) -> TokenSecret? {
        let words = field.split(separator: " ")
        guard words.count == 2, words[0].lowercased() == "bearer" else { return nil }
        return TokenSecret(words[1])
    }
}
