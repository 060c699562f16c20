internal import Hummingbird
internal import LachesisFleet
internal import LachesisModel
internal import LachesisStore
internal import ServiceLifecycle

extension APIServer {
    /// `POST /online/check`: tries a script without registering it.
    func addCheckRoutes(to router: Router<APIContext>) {
        router.endpoint(
            "/online/check", takesQuery: true,
            [
                .post: { [self] request, context in
                    try await audited("POST /online/check", context) { try await check(request, context, $0) }
                }
            ])
    }

    /// The form of a registration, and `rows`: the newest so many records are fed. It takes a place among the registrations.
    private func check(
        _ request: Request, _ context: APIContext, _ subject: AuditSubject
    ) async throws -> Response {
        let (battery, report) = try await takingTurns(context, at: registrations) {
            let form = RegistrationForm(
                try await Form(
                    request, limits: RegistrationForm.formLimits(limits), totalBytes: limits.registrationBytes),
                request: request, limits: limits)
            let registration = try form.registration(others: [RegistrationForm.rows])
            let rows = try form.rows()
            subject.isBattery(registration.battery)
            if let other = store.otherSpelling(of: registration.battery) {
                throw APIError(.conflict, "the name differs from the battery '\(other)' in upper and lower case alone")
            }
            // A script that takes long must not hold up the server's end.
            return try await cancelWhenGracefulShutdown {
                (registration.battery, try await fleet.check(registration, rows: rows))
            }
        }
        var json = JSONWriter(capacity: 4_096)
        json.beginObject()
        json.key("name")
        json.string(battery.text)
        report.write(to: &json)
        json.endObject()
        return .json(json.bytes)
    }
}

extension CheckReport {
    fileprivate func write(to json: inout JSONWriter) {
        json.key("estimator")
        json.string(description.className)
        json.key("state_names")
        json.strings(description.stateNames)
        json.key("output_names")
        json.strings(description.outputNames)
        let counts = snapshot.counts
        for (key, number) in [
            ("records", records), ("stepped", counts.stepped), ("skipped", counts.skipped), ("failed", counts.failed),
        ] {
            json.key(key)
            json.integer(number)
        }
        json.key("complete")
        json.bool(isComplete)
        json.key("latest_time")
        json.number(snapshot.latestTime)
        json.key("mean")
        json.numbers(snapshot.mean)
        json.key("covariance")
        json.matrix(snapshot.covariance, columns: description.stateNames.count)
        json.key("acceleration")
        acceleration.write(to: &json)
        json.key("last_error")
        json.string(snapshot.lastError)
        json.key("seconds")
        json.beginObject()
        json.key("build")
        json.number(buildTime / .seconds(1))
        json.key("steps")
        json.number(stepTime / .seconds(1))
        json.endObject()
        json.key("log")
        json.string(output)
    }
}
