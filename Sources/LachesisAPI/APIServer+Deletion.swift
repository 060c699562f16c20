internal import Hummingbird
internal import LachesisFleet
internal import LachesisModel
internal import LachesisStore
internal import Logging

extension APIServer {
    /// `DELETE /db/{name}`: records, estimates, estimator and metadata of a battery. `DELETE /online/{name}`: its estimator alone.
    ///
    /// A battery named as another endpoint is reached by encoding a letter of it, such as `/db/%73tats`.
    func addDeletionRoutes(to router: Router<APIContext>) {
        addDeletion("/db/{name}", to: router) { [self] in try await delete($0, $1) }
        addDeletion("/online/{name}", to: router) { [self] in try await deleteEstimator(of: $0, $1) }
    }

    private func addDeletion(
        _ path: String, to router: Router<APIContext>,
        _ body: @escaping @Sendable (BatteryName, Request) async throws -> Response
    ) {
        // Only this method: for all others there is nothing at such a path.
        router.on(RouterPath(path), method: .delete) { [self] request, context in
            try await audited("DELETE \(path)", context) { subject in
                let battery = try context.battery()
                subject.isBattery(battery)
                return try await body(battery, request)
            }
        }
    }

    /// Answers `{"name", "rows"}`, the rows being those that were stored; with `force=true` open uploads are closed first.
    /// - Throws: `APIError` 409 while uploads are open or an estimator is being registered, 404 if there is no such battery.
    private func delete(_ battery: BatteryName, _ request: Request) async throws -> Response {
        try request.checkQuery(["force"])
        let isForced = try request.queryFlag("force") ?? false
        guard store.stats(of: battery) != nil else { throw Self.noBattery(battery) }
        let rows = try await fleet.remove(battery) { stopEstimator in
            try await uploads.withoutUploads(of: battery, closing: isForced) {
                stopEstimator()
                return try await store.delete(battery)
            }
        }
        logger.notice("battery deleted", metadata: ["battery": "\(battery)", "rows": "\(rows)"])
        return deleted(battery, "rows", rows)
    }

    /// Answers `{"name", "version"}`, the version being the one that ran; uploads go on.
    /// - Throws: `APIError` 409 while an estimator is being registered, 404 if there is none.
    private func deleteEstimator(of battery: BatteryName, _ request: Request) async throws -> Response {
        try request.checkQuery([])
        guard store.estimator(of: battery) != nil else { throw noEstimator(battery) }
        let version = try await fleet.remove(battery) { stopEstimator in
            stopEstimator()
            return try await store.removeEstimator(of: battery)
        }
        logger.notice("estimator deleted", metadata: ["battery": "\(battery)", "version": "\(version)"])
        return deleted(battery, "version", version)
    }

    private func deleted(_ battery: BatteryName, _ key: String, _ number: some BinaryInteger) -> Response {
        var json = JSONWriter()
        json.beginObject()
        json.key("name")
        json.string(battery.text)
        json.key(key)
        json.integer(number)
        json.endObject()
        return .json(json.bytes)
    }

    static func noBattery(_ battery: BatteryName) -> APIError {
        APIError(.notFound, "no battery is named '\(battery)'")
    }

    /// 404 that tells a battery without an estimator from a name that no battery has.
    func noEstimator(_ battery: BatteryName) -> APIError {
        guard store.stats(of: battery) != nil else { return Self.noBattery(battery) }
        return APIError(.notFound, "the battery '\(battery)' has no estimator")
    }
}
