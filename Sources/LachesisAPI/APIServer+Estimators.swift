internal import Hummingbird
internal import LachesisFleet
internal import LachesisModel
internal import LachesisStore
internal import ServiceLifecycle

extension APIServer {
    /// `POST /online/register`.
    func addEstimatorRoutes(to router: Router<APIContext>) {
        router.endpoint(
            "/online/register", takesQuery: true,
            [
                .post: { [self] request, context in
                    try await audited("POST /online/register", context) { subject in
                        try await registerEstimator(request, context, subject)
                    }
                }
            ])
    }

    private func registerEstimator(
        _ request: Request, _ context: APIContext, _ subject: AuditSubject
    ) async throws -> Response {
        let estimator = try await takingTurns(context, at: registrations) {
            let form = try await Form(
                request, limits: RegistrationForm.formLimits(limits), totalBytes: limits.registrationBytes)
            let registration = try RegistrationForm(form, request: request, limits: limits).registration()
            subject.isBattery(registration.battery)
            if let other = store.otherSpelling(of: registration.battery) {
                throw APIError(.conflict, "the name differs from the battery '\(other)' in upper and lower case alone")
            }
            // A script that takes long must not hold up the server's end.
            return try await cancelWhenGracefulShutdown { try await fleet.register(registration) }
        }
        return .json(Self.registered(estimator))
    }

    /// What is said of an estimator once it is registered.
    static func registered(_ estimator: RegisteredEstimator) -> [UInt8] {
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
        return json.bytes
    }
}
