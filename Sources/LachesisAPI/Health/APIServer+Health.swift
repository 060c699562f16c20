internal import Hummingbird
internal import LachesisFleet
internal import LachesisModel
internal import LachesisStore
internal import LachesisWire

extension APIServer {
    /// What those ask who start, watch and balance servers.
    func addHealthRoutes(to router: Router<APIContext>) {
        router.endpoint("/health/live", takesQuery: true, [.get: { _, _ in .json(Array(#"{"status":"alive"}"#.utf8)) }])
        router.endpoint("/health/ready", takesQuery: true, [.get: { [self] _, _ in ready() }])
    }

    func readiness() -> Readiness {
        let running = fleet.board.statuses().filter { !$0.phase.isHeld }
        return Readiness(
            hosts: roster.counts().hosts, plugins: roster.plugins(),
            needs: Dictionary(running.map { ($0.estimator.plugin, 1) }, uniquingKeysWith: +),
            trouble: store.trouble, freeBytes: store.freeBytes())
    }

    private func ready() -> Response {
        let readiness = readiness()
        var json = JSONWriter()
        json.beginObject()
        json.key("ready")
        json.bool(readiness.isReady)
        json.key("reasons")
        json.strings(readiness.reasons)
        json.endObject()
        return .json(json.bytes, status: readiness.isReady ? .ok : .serviceUnavailable)
    }
}
