internal import Hummingbird
internal import LachesisModel
internal import NIOCore
internal import ServiceLifecycle

/// What one client follows, and how far it is: nothing else is kept for it, however slowly it reads.
struct EventStream: Sendable {
    let feed: EventFeed
    /// Of these alone; nil for all.
    let batteries: Set<BatteryName>?
    let interval: Duration
    /// The last event that the client has had; nil if it knows nothing.
    let lastID: Int?
    /// Whether the client may still be served.
    let mayStay: @Sendable () -> Bool

    private static let comment = ByteBuffer(string: ":\n\n")

    /// Sends events until the server shuts down or the client may not stay.
    /// - Throws: what writing throws, or `CancellationError` once the client has gone.
    func run(_ write: ([ByteBuffer]) async throws -> Void) async throws {
        await feed.enter()
        do { try await follow(write) } catch {
            await feed.leave()
            throw error
        }
        await feed.leave()
    }

    private func follow(_ write: ([ByteBuffer]) async throws -> Void) async throws {
        var rhythm = EventRhythm(interval: interval, now: .now)
        var (cursor, isNew) = (-1, true)
        // One from the future is of another database.
        if let lastID, lastID <= feed.revision { (cursor, isNew) = (lastID, false) }
        while mayStay(), !Task.isShuttingDownGracefully {
            let now = ContinuousClock.now
            switch rhythm.action(hasNews: feed.revision > cursor, now: now) {
            case .nothing: break
            case .comment:
                try await write([Self.comment])
                rhythm.spoke(.now)
            case .news:
                let end = await feed.latest()
                var hasTold = false
                while cursor < end, mayStay(), !Task.isShuttingDownGracefully {
                    let page = await feed.page(after: cursor, upTo: end, of: batteries, withRemovals: !isNew)
                    cursor = page.cursor
                    guard !page.events.isEmpty else { break }
                    try await write(page.events)
                    hasTold = true
                    rhythm.spoke(.now)
                }
                isNew = false
                if hasTold { rhythm.told(.now) }
            }
            try await Task.sleep(for: rhythm.patience(.now))
        }
    }
}
