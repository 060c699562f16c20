internal import Foundation
internal import Hummingbird
internal import LachesisModel
internal import LachesisStore

extension APIServer {
    /// `POST /db/register`: metadata in battery-data-toolkit's form; answers the battery's name as a JSON string.
    /// `GET /db/metadata/{name}`: that metadata again.
    func addMetadataRoutes(to router: Router<APIContext>) {
        router.endpoint(
            "/db/metadata/{name}",
            [
                .get: { [store] request, context in
                    let battery = try context.battery()
                    guard let document = try await store.metadata(of: battery) else {
                        throw APIError(.notFound, "the battery '\(battery)' has no metadata")
                    }
                    return .json(Array(document.utf8))
                }
            ])
        router.endpoint(
            "/db/register", takesQuery: true,
            [
                .post: { [self] request, context in
                    try await audited("POST /db/register", context) { subject in
                        try await registerMetadata(request, subject)
                    }
                }
            ])
    }

    private func registerMetadata(_ request: Request, _ subject: AuditSubject) async throws -> Response {
        try request.checkQuery([])
        let body = try await request.body.collect(upTo: limits.metadataBytes)
        let document: MetadataDocument
        do {
            document = try MetadataDocument.parse(Array(buffer: body))
        } catch {
            throw APIError(.unprocessableContent, json: error.json)
        }
        let name: BatteryName
        do {
            name = try BatteryName(document.name ?? UUID().uuidString.lowercased())
        } catch {
            throw APIError.invalid(["body", "name"], error.description)
        }
        subject.isBattery(name)
        try await store.registerMetadata(document.json, for: name)
        var json = JSONWriter()
        json.string(name.text)
        return .json(json.bytes)
    }
}
