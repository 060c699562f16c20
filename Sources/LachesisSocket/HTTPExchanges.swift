/// Counts requests and responses of one connection, to know which response is its last, and which answers HEAD.
struct HTTPExchanges {
    /// Whether each request is a HEAD, of those whose response has not ended, in order: as many as one read brings.
    private var open: [Bool] = []
    private var isLastOpen = false

    /// No response is due.
    var isIdle: Bool { open.isEmpty }

    /// Whether the response that begins now answers the connection's last request.
    var mustAnnounceClose: Bool { isLastOpen && open.count == 1 }

    /// Whether the response that begins now has no body, whatever its head says.
    var answersHead: Bool { open.first ?? false }

    mutating func requestBegan(isLast: Bool, isHead: Bool) {
        open.append(isHead)
        isLastOpen = isLastOpen || isLast
    }

    mutating func responseEnded() {
        if !open.isEmpty { open.removeFirst() }
    }
}
