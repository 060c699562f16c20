internal import Hummingbird
internal import LachesisFleet
internal import LachesisModel
internal import LachesisStore
internal import Logging

extension APIServer {
    /// `DELETE /db/{name}`: records, estimates, estimator and metadata of a battery.
    ///
    /// A battery named as another endpoint is reached by encoding a letter of it, such as `/db/%73tats`.
    func addDeletionRoutes(to router: Router<APIContext>) {
        // Only this method: for all others there is nothing at such a path.
        router.on("/db/{name}", method: .delete) { [self] request, context in
            try await audited("DELETE /db/{name}", context) { subject in
                let battery = try context.battery()
                subject.isBattery(battery)
                return try await delete(battery, request)
            }
        }
    }

    /// Answers `{"name", "rows"}`, the rows being those that were stored; with `force=true` open uploads are closed first.
    /// - Throws: `APIError` 409 while uploads are open or an estimator is being registered, 404 if there is no such battery.
    func delete(_ battery: BatteryName, _ request: Request) async throws -> Response {
        let isForced = try request.queryFlag("force") ?? false
        guard store.stats(of: battery) != nil else {
            throw APIError(.notFound, "no battery is named '\(battery)'")
        }
        let rows = try await fleet.remove(battery) { stopEstimator in
            try await uploads.withoutUploads(of: battery, closing: isForced) {
                stopEstimator()
                return try await store.delete(battery)
            }
        }
        logger.notice("battery deleted", metadata: ["battery": "\(battery)", "rows": "\(rows)"])
        var json = JSONWriter()
        json.beginObject()
        json.key("name")
        json.string(battery.text)
        json.key("rows")
        json.integer(rows)
        json.endObject()
        return .json(json.bytes)
    }
}
