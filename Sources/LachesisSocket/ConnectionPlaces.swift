/// Counts open connections, in all and for each peer; pure. It remembers peers that have one open, and no others.
struct ConnectionPlaces: Sendable {
    enum Refusal: Equatable, Sendable {
        /// There are as many connections as may be.
        case full
        /// There are as many of this peer.
        case peerIsFull
    }

    private let total: Int
    private let perPeer: Int
    private let countsLoopback: Bool
    private var open = 0
    private var peers: [PeerNetwork: Int] = [:]

    init(total: Int, perPeer: Int, countsLoopback: Bool) {
        (self.total, self.perPeer, self.countsLoopback) = (total, perPeer, countsLoopback)
    }

    /// Takes a place.
    /// - Returns: why there is none; nil if one is taken.
    mutating func enter(_ peer: PeerNetwork) -> Refusal? {
        guard open < total else { return .full }
        if counts(peer) {
            guard peers[peer, default: 0] < perPeer else { return .peerIsFull }
            peers[peer, default: 0] += 1
        }
        open += 1
        return nil
    }

    /// Gives back a place that was taken.
    mutating func leave(_ peer: PeerNetwork) {
        open -= 1
        guard counts(peer), let count = peers[peer] else { return }
        peers[peer] = count > 1 ? count - 1 : nil
    }

    /// Peers that are remembered.
    var peersCount: Int { peers.count }

    private func counts(_ peer: PeerNetwork) -> Bool { peer != .loopback || countsLoopback }
}
