/// Tells a quiet peer from a dead one by pings; asked once an interval.
struct Liveness {
    enum Action: Equatable {
        case nothing
        case ping
        /// Nothing came for a whole interval after a ping.
        case giveUp
    }

    private var hasReceived = true
    private var isPingOpen = false

    /// Bytes came from the peer, whatever they were.
    mutating func received() {
        hasReceived = true
    }

    /// An interval has passed; `isPaused` says that the server itself does not read, so that silence proves nothing.
    mutating func intervalPassed(isPaused: Bool) -> Action {
        defer { hasReceived = false }
        if hasReceived || isPaused {
            isPingOpen = false
            return .nothing
        }
        if isPingOpen { return .giveUp }
        isPingOpen = true
        return .ping
    }
}
