internal import Foundation
internal import Hummingbird
internal import LachesisFleet
internal import LachesisModel
internal import LachesisStore
internal import Logging

extension APIServer {
    /// `/admin/workers` and what can be done to each.
    func addWorkerRoutes(to router: Router<APIContext>) {
        router.endpoint("/admin/workers", [.get: { [self] _, _ in try await workers() }])
        router.endpoint(
            "/admin/workers/{name}/limits", takesQuery: true,
            [
                .post: { [self] request, context in
                    try await audited("POST /admin/workers/{name}/limits", context) {
                        try await limit(request, context, $0)
                    }
                }
            ])
        for order in WorkerControl.allCases {
            let path = "/admin/workers/{name}/\(order.rawValue)"
            router.endpoint(
                RouterPath(path), takesQuery: true,
                [
                    .post: { [self] request, context in
                        try await audited("POST \(path)", context) { try await control(order, request, context, $0) }
                    }
                ])
        }
    }

    /// Query: the limits of a registration's form, of which those that are given change; an empty one becomes the server's own.
    private func limit(_ request: Request, _ context: APIContext, _ subject: AuditSubject) async throws -> Response {
        let battery = try context.battery()
        subject.isBattery(battery)
        try request.checkQuery(LimitsForm.names)
        guard store.estimator(of: battery) != nil else { throw noEstimator(battery) }
        let form = LimitsForm(limits: limits, place: "query") { try request.queryText($0) }
        let (limits, phase) = try await fleet.limit(battery) { try form.apply(to: &$0) }
        return changed("limits", battery, phase) { json in
            json.key("limits")
            LimitsDescription(limits).write(to: &json)
        }
    }

    private func control(
        _ order: WorkerControl, _ request: Request, _ context: APIContext, _ subject: AuditSubject
    ) async throws -> Response {
        let battery = try context.battery()
        subject.isBattery(battery)
        try request.checkQuery([])
        guard store.estimator(of: battery) != nil else { throw noEstimator(battery) }
        let phase = try await fleet.control(battery, order)
        return changed(order.rawValue, battery, phase)
    }

    /// Notes what was done to a worker, and answers with its state and what `more` adds.
    private func changed(
        _ what: String, _ battery: BatteryName, _ phase: EstimatorStatus.Phase,
        _ more: (inout JSONWriter) -> Void = { _ in }
    ) -> Response {
        logger.notice("worker: \(what)", metadata: ["battery": "\(battery)", "phase": "\(phase.rawValue)"])
        var json = JSONWriter()
        json.beginObject()
        json.key("name")
        json.string(battery.text)
        json.key("state")
        json.string(phase.rawValue)
        more(&json)
        json.endObject()
        return .json(json.bytes)
    }

    private func workers() async throws -> Response {
        let overview = try await fleet.overview(time: Date().timeIntervalSince1970)
        var json = JSONWriter(capacity: 512 * overview.count + 256)
        json.beginObject()
        json.key("hosts")
        json.beginArray()
        for host in roster.hosts() {
            json.beginObject()
            json.key("name")
            json.string("host-\(host.pid)")
            json.key("workers")
            json.integer(host.workers)
            json.endObject()
        }
        json.endArray()
        json.key("max_workers")
        json.integer(fleet.maximumWorkers)
        json.key("workers")
        json.beginArray()
        for worker in overview { worker.write(to: &json) }
        json.endArray()
        json.endObject()
        return .json(json.bytes)
    }
}

extension WorkerOverview {
    fileprivate func write(to json: inout JSONWriter) {
        let counts = status.estimator.snapshot.counts
        json.beginObject()
        for (key, text) in [
            ("name", status.estimator.battery.text), ("state", status.phase.rawValue),
            ("estimator", status.estimator.description.className), ("plugin", status.estimator.plugin),
            ("last_error", status.problem ?? status.estimator.snapshot.lastError),
        ] {
            json.key(key)
            json.string(text)
        }
        let numbers: [(String, Int?)] = [
            ("version", status.estimator.version), ("pid", vital.flatMap { $0.pid > 0 ? Int($0.pid) : nil }),
            ("stepped", counts.stepped), ("skipped", counts.skipped), ("failed", counts.failed),
            ("lag_records", Int(status.waiting)), ("memory_bytes", vital?.memoryBytes), ("restarts", status.restarts),
        ]
        for (key, number) in numbers {
            json.key(key)
            if let number { json.integer(number) } else { json.null() }
        }
        for (key, number) in [
            ("lag_seconds", lagSeconds), ("steps_per_second", stepRate), ("cpu_seconds", vital?.cpuSeconds),
            ("started", vital?.started),
        ] {
            json.key(key)
            json.number(number)
        }
        json.key("acceleration")
        status.estimator.accelerationDescription.write(to: &json)
        json.key("limits")
        LimitsDescription(limits).write(to: &json)
        json.endObject()
    }
}
