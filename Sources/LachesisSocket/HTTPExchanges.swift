/// Counts requests and responses of one connection, to know which response is its last.
struct HTTPExchanges {
    private var open = 0
    private var isLastOpen = false

    /// No response is due.
    var isIdle: Bool { open == 0 }

    /// Whether the response that begins now answers the connection's last request.
    var mustAnnounceClose: Bool { isLastOpen && open == 1 }

    mutating func requestBegan(isLast: Bool) {
        open += 1
        isLastOpen = isLastOpen || isLast
    }

    mutating func responseEnded() {
        open = max(0, open - 1)
    }
}
