internal import HTTPTypes
internal import Hummingbird
internal import LachesisModel
internal import NIOCore

extension APIServer {
    private static let intervals = 0.05...60.0
    private static let lastEventID = HTTPField.Name("Last-Event-ID")

    /// `GET /online/events`: statuses as they change, as server-sent events.
    func addEventRoutes(to router: Router<APIContext>) {
        router.endpoint("/online/events", takesQuery: true, [.get: { [self] in try events($0, $1) }])
    }

    /// Query: `name` (may be repeated; without it all batteries), `interval` (s between two events of one battery, at least).
    ///
    /// Each `status` has the battery's name and the members of its status; `removed` has the name alone. A client that was cut
    /// sends `Last-Event-ID` and gets what changed since.
    private func events(_ request: Request, _ context: APIContext) throws -> Response {
        try request.checkQuery(["name", "interval"])
        let batteries = try request.queryBatteries()
        let interval = try request.queryNumber("interval") ?? 1
        guard Self.intervals.contains(interval) else {
            throw APIError.invalid(["query", "interval"], "the interval must be from 0.05 to 60 s, not \(interval)")
        }
        let caller = context.caller
        let stream = EventStream(
            feed: eventFeed, batteries: batteries.isEmpty ? nil : Set(batteries), interval: .seconds(interval),
            lastID: try lastID(request), mayStay: { [gatekeeper] in gatekeeper.stillKnows(caller) })
        return Response(
            status: .ok,
            headers: [.contentType: "text/event-stream", .cacheControl: "no-store", .accelBuffering: "no"],
            body: ResponseBody { writer in
                try await request.body.consumeWithCancellationOnInboundClose { _ in
                    try await stream.run { try await writer.write(contentsOf: $0) }
                }
                try await writer.finish(nil)
            })
    }

    private func lastID(_ request: Request) throws -> Int? {
        guard let name = Self.lastEventID, let text = request.headers[name], !text.isEmpty else { return nil }
        guard let id = Int(text), id >= 0 else {
            throw APIError.invalid(["header", "Last-Event-ID"], "'\(text)' is no event of this server")
        }
        return id
    }
}

extension HTTPField.Name {
    /// Tells nginx to pass on what comes as it comes.
    fileprivate static let accelBuffering = HTTPField.Name("X-Accel-Buffering") ?? .cacheControl
}
