internal import Hummingbird
internal import LachesisFleet
internal import LachesisModel
internal import LachesisStore
internal import LachesisWire

extension APIServer {
    /// `/online/status`, `/db/stats` and `/health`: all from memory.
    func addStatusRoutes(to router: Router<APIContext>) {
        router.endpoint(
            "/online/status", takesQuery: true,
            [
                .get: { [self, board = fleet.board] request, _ in
                    try request.checkQuery(["name"])
                    let batteries = try request.queryBatteries()
                    if let missing = batteries.first(where: { board.tag(of: $0) == nil }) { throw noEstimator(missing) }
                    let tag = board.tag
                    if request.headers.know(tag) { return .notModified(tag) }
                    return .status(batteries.isEmpty ? board.body() : board.body(of: Set(batteries), tag: tag))
                }
            ])
        router.endpoint(
            "/online/status/{name}",
            [
                .get: { [self, board = fleet.board] request, context in
                    let battery = try context.battery()
                    if let tag = board.tag(of: battery), request.headers.know(tag) { return .notModified(tag) }
                    guard let body = board.body(of: battery) else { throw noEstimator(battery) }
                    return .status(body)
                }
            ])
        router.endpoint("/db/stats", [.get: { [self] _, _ in .json(stats()) }])
        router.endpoint("/health", [.get: { [self] _, _ in .json(health()) }])
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
