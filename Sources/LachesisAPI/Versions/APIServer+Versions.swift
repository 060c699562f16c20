internal import Hummingbird
internal import LachesisFleet
internal import LachesisModel
internal import LachesisStore
internal import Logging
internal import ServiceLifecycle

extension APIServer {
    /// What was registered when, and how to go back to it.
    func addVersionRoutes(to router: Router<APIContext>) {
        router.endpoint("/online/{name}/versions", [.get: { [self] _, context in try await versions(context) }])
        router.endpoint(
            "/online/{name}/versions/{version}", [.get: { [self] _, context in try await version(context) }])
        router.endpoint(
            "/online/{name}/rollback", takesQuery: true,
            [
                .post: { [self] request, context in
                    try await audited("POST /online/{name}/rollback", context) { subject in
                        try await rollBack(request, context, subject)
                    }
                }
            ])
    }

    /// A list, the newest first.
    private func versions(_ context: APIContext) async throws -> Response {
        let battery = try batteryWithEstimator(context)
        var json = JSONWriter(capacity: 1 << 10)
        json.beginArray()
        for version in try await store.versions(of: battery) {
            json.beginObject()
            version.write(to: &json)
            json.endObject()
        }
        json.endArray()
        return .json(json.bytes)
    }

    /// One of them, with its script.
    private func version(_ context: APIContext) async throws -> Response {
        let battery = try batteryWithEstimator(context)
        let number = try Self.version(context.parameters.require("version"), ["path", "version"])
        let version = try await store.version(number, of: battery)
        var json = JSONWriter(capacity: version.registration.definition.utf8.count + 1_024)
        json.beginObject()
        version.write(to: &json)
        json.key("definition")
        json.string(version.registration.definition)
        json.endObject()
        return .json(json.bytes)
    }

    /// Registers a version's script and files again, as a new version; answers as `POST /online/register` does.
    ///
    /// Query: `version`, and `from` (`start`, the default: it is fed all records; `now`: those that come from now on).
    private func rollBack(
        _ request: Request, _ context: APIContext, _ subject: AuditSubject
    ) async throws -> Response {
        let battery = try context.battery()
        subject.isBattery(battery)
        try request.checkQuery(["version", "from"])
        guard let text = try request.queryText("version") else {
            throw APIError.invalid(["query", "version"], "the version to go back to is missing", type: "missing")
        }
        let number = try Self.version(text, ["query", "version"])
        let from = try request.queryText("from") ?? Registration.Start.start.rawValue
        guard let start = Registration.Start(rawValue: from) else {
            throw APIError.invalid(["query", "from"], "'\(from)' is neither start nor now")
        }
        let estimator = try await takingTurns(context, at: registrations) {
            guard store.estimator(of: battery) != nil else { throw noEstimator(battery) }
            var registration = try await store.registration(of: battery, version: number)
            registration.start = start
            // A script that takes long must not hold up the server's end.
            return try await cancelWhenGracefulShutdown { [registration] in try await fleet.register(registration) }
        }
        logger.notice(
            "rolled back",
            metadata: ["battery": "\(battery)", "to": "\(number)", "version": "\(estimator.version)"])
        return .json(Self.registered(estimator))
    }

    private func batteryWithEstimator(_ context: APIContext) throws -> BatteryName {
        let battery = try context.battery()
        guard store.estimator(of: battery) != nil else { throw noEstimator(battery) }
        return battery
    }

    private static func version(_ text: String, _ location: [String]) throws -> Int {
        guard let number = Int(text), number > 0 else {
            throw APIError.invalid(location, "'\(text)' is not a whole number from 1", type: "int_parsing")
        }
        return number
    }
}

extension EstimatorVersion {
    /// Members of an object: what was registered, with every option that differs from its default or may be null.
    fileprivate func write(to json: inout JSONWriter) {
        json.key("version")
        json.integer(version)
        json.key("estimator")
        json.string(className)
        json.key("plugin")
        json.string(registration.plugin)
        json.key("registered")
        json.number(registered)
        json.key("current")
        json.bool(isCurrent)
        json.key("files")
        json.beginArray()
        for file in files {
            json.beginObject()
            json.key("name")
            json.string(file.name)
            json.key("bytes")
            json.integer(file.bytes)
            json.endObject()
        }
        json.endArray()
        json.key("valid_time")
        json.number(registration.validTime)
        json.key("seed_inputs")
        json.bool(registration.seedsInputs)
        json.key("from")
        json.string(registration.start.rawValue)
        json.key("acceleration")
        json.string(registration.acceleration.rawValue)
        json.key("limits")
        LimitsDescription(registration.limits).write(to: &json)
    }
}
