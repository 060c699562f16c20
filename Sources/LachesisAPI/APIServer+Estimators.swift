internal import Hummingbird
internal import LachesisFleet
internal import LachesisModel
internal import LachesisStore
internal import ServiceLifecycle

extension APIServer {
    /// `POST /online/register`, and what scripts write.
    func addEstimatorRoutes(to router: Router<APIContext>) {
        router.endpoint("/online/register", [.post: { [self] request, _ in try await registerEstimator(request) }])
        router.endpoint("/online/{name}/logs", [.get: { [self] _, context in try logs(context) }])
    }

    /// `{"name", "entries": [{"time", "version", "text"}], "dropped"}`: lines of the script's output, the oldest first, their times
    /// in Unix seconds, and how many bytes are not among them.
    private func logs(_ context: APIContext) throws -> Response {
        let battery = try context.battery()
        let log = roster.logs.log(of: battery)
        guard log != nil || fleet.board.status(of: battery) != nil else {
            throw APIError(.notFound, "the battery '\(battery)' has no estimator")
        }
        var json = JSONWriter()
        json.beginObject()
        json.key("name")
        json.string(battery.text)
        json.key("entries")
        json.beginArray()
        for entry in log?.entries ?? [] {
            json.beginObject()
            json.key("time")
            json.number(entry.time)
            json.key("version")
            json.integer(entry.version)
            json.key("text")
            json.string(entry.text)
            json.endObject()
        }
        json.endArray()
        json.key("dropped")
        json.integer(log?.dropped ?? 0)
        json.endObject()
        return .json(json.bytes)
    }

    private func registerEstimator(_ request: Request) async throws -> Response {
        let estimator = try await registrations.pass {
            let form = try await Form(
                request, limits: RegistrationForm.formLimits(limits), totalBytes: limits.registrationBytes)
            let registration = try RegistrationForm(form, request: request, limits: limits).registration()
            if let other = store.otherSpelling(of: registration.battery) {
                throw APIError(.conflict, "the name differs from the battery '\(other)' in upper and lower case alone")
            }
            // A script that takes long must not hold up the server's end.
            return try await cancelWhenGracefulShutdown { try await fleet.register(registration) }
        }
        var json = JSONWriter()
        json.beginObject()
        json.key("name")
        json.string(estimator.battery.text)
        json.key("estimator")
        json.string(estimator.description.className)
        json.key("version")
        json.integer(estimator.version)
        json.key("state_names")
        json.strings(estimator.description.stateNames)
        json.endObject()
        return .json(json.bytes)
    }
}
