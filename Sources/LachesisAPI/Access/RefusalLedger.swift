internal import LachesisModel

/// Which refusals are logged and audited: whoever asks without end must neither fill the disk nor hide what others are refused.
///
/// Strangers share one budget, each holder of a token has one of its own, and so have all those on this machine while there are no
/// tokens.
struct RefusalLedger: Sendable {
    /// Holders of tokens whose budgets are kept; those beyond share one. A budget that is whole again is forgotten.
    static let holders = 1_024

    private var strangers = RefusalBudget()
    private var local = RefusalBudget()
    private var holders: [Int64: RefusalBudget] = [:]
    private var furtherHolders = RefusalBudget()
    private var loggedPeers = RefusalRhythm<String>()
    private var loggedHolders = RefusalRhythm<Int64>()

    /// - Parameter peer: the address of one who shows no token that is known.
    mutating func mayLog(_ caller: Caller, _ peer: String, at now: ContinuousClock.Instant) -> Bool {
        switch caller {
        case .nobody, .local: loggedPeers.mayLog(peer, at: now)
        case .bearer(let grant): loggedHolders.mayLog(grant.id, at: now)
        }
    }

    /// - Returns: how many of this caller's were left out since the last that was audited; nil if this one is, too.
    mutating func audit(_ caller: Caller, at now: ContinuousClock.Instant) -> Int? {
        switch caller {
        case .nobody: return strangers.take(at: now)
        case .local: return local.take(at: now)
        case .bearer(let grant):
            if holders.count >= Self.holders, holders[grant.id] == nil {
                holders = holders.filter { !$0.value.isAsNew(at: now) }
                guard holders.count < Self.holders else { return furtherHolders.take(at: now) }
            }
            return holders[grant.id, default: RefusalBudget()].take(at: now)
        }
    }
}
