internal import HTTPTypes
internal import Hummingbird
internal import LachesisModel

/// Puts every request before the gatekeeper, also those that no route matches.
struct AccessMiddleware: RouterMiddleware {
    typealias Context = APIContext

    let gatekeeper: Gatekeeper

    func handle(
        _ request: Request, context: APIContext, next: (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        var context = context
        do throws(AccessDenial) {
            context.caller = try gatekeeper.admit(Gatekeeper.Arrival(request, context))
        } catch {
            if let response = LoginRedirect.response(to: request, error) { return response }
            var fields = error.fields
            // What the server does not want to hear it need not read to its end.
            if request.headers[.contentLength] ?? "0" != "0" || request.headers[.transferEncoding] != nil {
                fields[.connection] = "close"
            }
            throw APIError(error.status, error.detail, headers: fields)
        }
        return try await next(request, context)
    }
}

extension Gatekeeper.Arrival {
    init(_ request: Request, _ context: APIContext) {
        let name = context.endpointPath == RouteTable.upload ? context.parameters.get("name") : nil
        self.init(
            method: request.method, route: context.endpointPath,
            battery: name.flatMap { try? BatteryName(percentEncoded: $0) }, authority: request.head.authority,
            fields: request.headers, peer: context.peer, own: context.own)
    }
}
