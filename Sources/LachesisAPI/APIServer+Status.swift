internal import Hummingbird
internal import LachesisFleet
internal import LachesisModel
internal import LachesisStore
internal import LachesisWire

extension APIServer {
    /// Polls, which are many, and whose answers are at hand.
    static func isPrompt(_ request: HTTPRequest) -> Bool {
        guard request.method == .get, let path = request.path?.prefix(while: { $0 != "?" }) else { return false }
        return path == "/online/status" || path.hasPrefix("/online/status/")
    }

    /// Makes a body where it is asked for if it is light, and else on a thread of tasks, so that it holds up no other connection.
    private static func made<Body: Sendable>(isLight: Bool, _ body: @Sendable () -> Body) async -> Body {
        isLight ? body() : await withTaskExecutorPreference(globalConcurrentExecutor) { body() }
    }

    /// `/online/status`, `/db/stats` and `/health`: all from memory.
    func addStatusRoutes(to router: Router<APIContext>) {
        router.endpoint(
            "/online/status",
            [
                .get: { [self, board = fleet.board] request, _ in
                    try request.checkQuery(["name"])
                    let batteries = try request.queryBatteries()
                    if let missing = batteries.first(where: { board.tag(of: $0) == nil }) { throw noEstimator(missing) }
                    let tag = board.tag
                    if request.alreadyHas(tag) { return .notModified(tag) }
                    let isLight =
                        batteries.isEmpty ? board.isLight() : batteries.count == 1 && board.isLight(batteries[0])
                    return .status(
                        await Self.made(isLight: isLight) {
                            batteries.isEmpty ? board.body() : board.body(of: Set(batteries), tag: tag)
                        })
                }
            ])
        router.endpoint(
            "/online/status/{name}",
            [
                .get: { [self, board = fleet.board] request, context in
                    try request.checkQuery([])
                    let battery = try context.battery()
                    if let tag = board.tag(of: battery), request.alreadyHas(tag) { return .notModified(tag) }
                    let body = await Self.made(isLight: board.isLight(battery)) { board.body(of: battery) }
                    guard let body else { throw noEstimator(battery) }
                    return .status(body)
                }
            ])
        router.endpoint(
            "/db/stats",
            [
                .get: { [self] request, _ in
                    try request.checkQuery([])
                    return .json(stats())
                }
            ])
        router.endpoint(
            "/health",
            [
                .get: { [self] request, _ in
                    try request.checkQuery([])
                    return .json(health())
                }
            ])
    }

    private func stats() -> [UInt8] {
        var json = JSONWriter(capacity: 1 << 10)
        json.beginObject()
        for battery in store.stats() {
            json.key(battery.name.text)
            json.beginObject()
            json.key("has_metadata")
            json.bool(battery.hasMetadata)
            json.key("has_data")
            json.bool(battery.hasData)
            json.key("has_estimator")
            json.bool(battery.hasEstimator)
            json.key("data_stats")
            writeDataStats(of: battery, to: &json)
            json.endObject()
        }
        json.endObject()
        return json.bytes
    }

    private func writeDataStats(of battery: BatteryStats, to json: inout JSONWriter) {
        guard battery.hasData else { return json.null() }
        json.beginObject()
        json.key("rows")
        json.integer(battery.rows)
        json.key("columns")
        json.beginObject()
        for column in battery.columns {
            json.key(column.name)
            json.string(column.type.rawValue)
        }
        json.endObject()
        json.endObject()
    }

    /// What all hosts' control groups limit, and why it is not everything.
    private func writeControlGroups(to json: inout JSONWriter) {
        let reports = roster.controlGroups()
        let common = reports.dropFirst().reduce(Set(reports.first?.controllers ?? [])) {
            $0.intersection($1.controllers)
        }
        json.key("control_groups")
        json.beginObject()
        json.key("controllers")
        json.strings(common.sorted())
        json.key("detail")
        json.string(reports.lazy.compactMap(\.detail).first)
        json.endObject()
    }

    /// `ok` while a host is connected and every registered estimator runs or is about to.
    private func health() -> [UInt8] {
        let (hosts, workers) = roster.counts()
        let phases = fleet.board.phases()
        let isHealthy = hosts > 0 && !phases.contains { $0 == .parked || $0 == .unavailable }
        var json = JSONWriter()
        json.beginObject()
        json.key("status")
        json.string(isHealthy ? "ok" : "degraded")
        json.key("version")
        json.string(version)
        json.key("hosts")
        json.integer(hosts)
        json.key("workers")
        json.integer(workers)
        json.key("sandbox_without")
        json.strings(fleet.board.missingLayers.map(\.rawValue))
        writeControlGroups(to: &json)
        json.key("plugins")
        json.beginObject()
        for plugin in roster.plugins() {
            json.key(plugin.name)
            json.beginObject()
            json.key("state")
            json.string(plugin.state.rawValue)
            json.key("detail")
            json.string(plugin.detail)
            json.endObject()
        }
        json.endObject()
        json.key("estimators")
        json.beginObject()
        for (phase, members) in Dictionary(grouping: phases, by: \.rawValue).sorted(by: { $0.key < $1.key }) {
            json.key(phase)
            json.integer(members.count)
        }
        json.endObject()
        json.endObject()
        return json.bytes
    }
}
