internal import LachesisFleet
internal import LachesisModel
internal import NIOCore

/// The latest event of each battery, ready to send, in the order in which they came: pure.
struct EventLedger {
    struct Event {
        let battery: BatteryName
        let revision: Int
        let isRemoval: Bool
        /// Shared by all who are sent it.
        let bytes: ByteBuffer
    }

    /// What a client is to be sent next.
    struct Page {
        var events: [ByteBuffer] = []
        /// Everything up to this revision was sent.
        var cursor: Int
    }

    /// Bytes of events in one page, save that there is always one: what a client that does not read keeps in memory.
    static let pageBytes = 64 << 10

    /// What is known is of this revision of the board.
    private(set) var revision = -1
    private var events: [BatteryName: Event] = [:]
    /// By revision.
    private var order: [Event] = []

    mutating func take(_ changes: StatusBoard.Changes) {
        revision = changes.revision
        guard !changes.changes.isEmpty else { return }
        let changed = Set(changes.changes.map(\.battery))
        let stay = order.filter { event in
            !changed.contains(event.battery) && !(event.isRemoval && event.revision <= changes.horizon)
        }
        let fresh = changes.changes.map(Self.event)
        order = stay + fresh
        events = Dictionary(order.map { ($0.battery, $0) }) { $1 }
    }

    /// - Parameters:
    ///   - cursor: events up to this revision are not wanted.
    ///   - end: nor are those beyond this one: what changed meanwhile comes in its own time.
    ///   - batteries: of these alone; nil for all.
    ///   - withRemovals: false leaves out what a client that knows nothing yet need not forget.
    func page(after cursor: Int, upTo end: Int, of batteries: Set<BatteryName>?, withRemovals: Bool) -> Page {
        var page = Page(cursor: end)
        var bytes = 0
        for event in candidates(after: cursor, of: batteries) {
            guard event.revision <= end else { break }
            guard withRemovals || !event.isRemoval else { continue }
            guard page.events.isEmpty || bytes + event.bytes.readableBytes <= Self.pageBytes else { return page }
            page.events.append(event.bytes)
            page.cursor = event.revision
            bytes += event.bytes.readableBytes
        }
        page.cursor = end
        return page
    }

    private func candidates(after cursor: Int, of batteries: Set<BatteryName>?) -> ArraySlice<Event> {
        if let batteries {
            return batteries.compactMap { events[$0] }.filter { $0.revision > cursor }
                .sorted { $0.revision < $1.revision }[...]
        }
        var (low, high) = (0, order.count)
        while low < high {
            let middle = (low + high) / 2
            if order[middle].revision <= cursor { low = middle + 1 } else { high = middle }
        }
        return order[low...]
    }

    private static func event(_ change: StatusBoard.Change) -> Event {
        var json = JSONWriter(capacity: 64 + (change.json?.count ?? 0))
        json.beginObject()
        json.key("name")
        json.string(change.battery.text)
        if let status = change.json { json.members(of: status) }
        json.endObject()
        var bytes = ByteBuffer()
        bytes.writeString("event: \(change.json == nil ? "removed" : "status")\nid: \(change.revision)\ndata: ")
        bytes.writeBytes(json.bytes)
        bytes.writeString("\n\n")
        return Event(
            battery: change.battery, revision: change.revision, isRemoval: change.json == nil, bytes: bytes)
    }
}
