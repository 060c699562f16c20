internal import LachesisFleet
internal import LachesisModel

/// Keeps the events that all clients are sent: made once, however many follow them.
actor EventFeed {
    /// Time between two looks at what changed on the board: a change is shown so much later at most.
    static let lookTime = Duration.milliseconds(25)

    private let board: StatusBoard
    private var ledger = EventLedger()
    private var lookedAt: ContinuousClock.Instant?
    private var clients = 0

    init(board: StatusBoard) { self.board = board }

    /// The board's revision, for everybody to see whether there may be news.
    nonisolated var revision: Int { board.revision }

    func enter() { clients += 1 }

    /// Without anybody to send them to, the events are forgotten.
    func leave() {
        clients -= 1
        if clients == 0 { (ledger, lookedAt) = (EventLedger(), nil) }
    }

    /// The revision up to which events can be had now.
    func latest() -> Int {
        let now = ContinuousClock.now
        if board.revision != ledger.revision, lookedAt.map({ now - $0 >= Self.lookTime }) ?? true {
            ledger.take(board.changes(after: ledger.revision))
            lookedAt = now
        }
        return ledger.revision
    }

    /// See `EventLedger.page`.
    func page(
        after cursor: Int, upTo end: Int, of batteries: Set<BatteryName>?, withRemovals: Bool
    ) -> EventLedger.Page {
        ledger.page(after: cursor, upTo: end, of: batteries, withRemovals: withRemovals)
    }
}
