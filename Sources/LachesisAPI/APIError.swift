package import HTTPTypes
package import Hummingbird
internal import LachesisFleet
internal import LachesisModel
internal import LachesisSocket
internal import LachesisStore
internal import Logging
internal import NIOHTTP1

/// What a client did wrong, or what stands in the way: becomes `{"detail": …}` with a status.
package struct APIError: Error, HTTPResponseError {
    package let status: HTTPResponse.Status
    package let headers: HTTPFields
    /// JSON of the detail: a string, or a list of `{"loc", "msg", "type"}`.
    private let detail: [UInt8]

    /// - Parameter detail: a sentence for the client.
    package init(_ status: HTTPResponse.Status, _ detail: String, headers: HTTPFields = [:]) {
        var json = JSONWriter()
        json.string(detail)
        self.init(status, json: json.bytes, headers: headers)
    }

    /// - Parameter json: the detail, JSON already.
    package init(_ status: HTTPResponse.Status, json: [UInt8], headers: HTTPFields = [:]) {
        (self.status, detail, self.headers) = (status, json, headers)
    }

    /// 422 for one parameter, in the form that FastAPI gives it.
    /// - Parameter location: such as `["query", "limit"]`.
    static func invalid(_ location: [String], _ message: String, type: String = "value_error") -> APIError {
        var json = JSONWriter()
        json.beginArray()
        json.beginObject()
        json.key("loc")
        json.strings(location)
        json.key("msg")
        json.string(message)
        json.key("type")
        json.string(type)
        json.endObject()
        json.endArray()
        return APIError(.unprocessableContent, json: json.bytes)
    }

    /// 422 for a parameter that there is not: misspelt, it would be passed over without a word.
    /// - Parameters:
    ///   - place: where it stands, such as `query`.
    ///   - known: those that there are.
    static func unknown(_ name: String, in place: String, known: [String]) -> APIError {
        let name = String(name.prefix(80))
        let others =
            switch known.count {
            case 0: "nothing is taken here"
            case 1: "there is only \(known[0])"
            default: "there are \(known.joined(separator: ", "))"
            }
        return invalid([place, name], "there is no '\(name)'; \(others)", type: "extra_forbidden")
    }

    package func response(from request: Request, context: some RequestContext) throws -> Response {
        var json = JSONWriter()
        json.beginObject()
        json.key("detail")
        json.raw(detail)
        json.endObject()
        var response = Response.json(json.bytes, status: status)
        response.headers.append(contentsOf: headers)
        return response
    }
}

extension Response {
    /// A response whose body is JSON already.
    static func json(_ bytes: [UInt8], status: HTTPResponse.Status = .ok) -> Response {
        Response(
            status: status, headers: [.contentType: "application/json"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }
}

/// The one place where errors of all modules get their HTTP status.
struct ErrorMiddleware<Context: RequestContext>: RouterMiddleware {
    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch {
            let apiError = Self.apiError(for: error)
            if apiError.status.kind == .serverError {
                context.logger.error("request failed", metadata: ["path": "\(request.uri.path)", "error": "\(error)"])
            }
            let response = try apiError.response(from: request, context: context)
            return request.method == .head ? response.createHeadResponse() : response
        }
    }

    static func apiError(for error: any Error) -> APIError {
        switch error {
        case let error as APIError: error
        case let error as StoreError: APIError(status(of: error.code), error.message)
        case let error as FleetError: APIError(status(of: error.code), error.description)
        case let error as FormError:
            APIError(error.code == .tooLarge ? .contentTooLarge : .badRequest, error.description)
        case is SlowBody:
            APIError(.requestTimeout, "the request's body comes too slowly", headers: [.connection: "close"])
        case is HTTPParserError: APIError(.badRequest, "the request's body is not of the form that its head announces")
        case let error as NameError: .invalid(["path", "name"], error.description)
        case let error as HTTPError:
            APIError(
                error.status, error.body ?? sentence(for: error.status), headers: error.headers)
        case let error as any HTTPResponseError: APIError(error.status, sentence(for: error.status))
        case is CancellationError: APIError(.serviceUnavailable, "the server is shutting down")
        default: APIError(.internalServerError, "the server failed; its log says more")
        }
    }

    private static func status(of code: StoreError.Code) -> HTTPResponse.Status {
        switch code {
        case .unknownBattery, .unknownEstimator, .unknownVersion: .notFound
        case .nameClash, .streamMoved, .superseded: .conflict
        case .unstorable, .unknownColumn: .unprocessableContent
        case .full, .io, .locked, .closed: .serviceUnavailable
        default: .internalServerError
        }
    }

    private static func status(of code: FleetError.Code) -> HTTPResponse.Status {
        switch code {
        case .script, .plugin: .unprocessableContent
        case .busy, .unfit: .conflict
        case .unknown: .notFound
        case .unavailable, .checkpoint, .storage: .serviceUnavailable
        }
    }

    private static func sentence(for status: HTTPResponse.Status) -> String {
        switch status {
        case .notFound: "there is nothing at this path"
        case .contentTooLarge: "the body is larger than allowed"
        default: status.reasonPhrase
        }
    }
}
