internal import Foundation
package import Hummingbird
internal import LachesisModel
internal import NIOCore

/// The context of a request: the connection's two ends, and who asks.
package struct APIContext: RequestContext {
    package var coreContext: CoreRequestContextStorage
    let peer: SocketAddress?
    let own: SocketAddress?
    /// Nobody, until the gatekeeper has let the request in.
    var caller = Caller.nobody

    package init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        (peer, own) = (source.channel.remoteAddress, source.channel.localAddress)
    }
}

extension Router where Context == APIContext {
    /// Routes the given methods of a path, and HEAD where GET is; every other method gets 405 with `Allow`.
    /// - Parameter takesQuery: whether there may be a query, at which the handlers look if they mind.
    func endpoint(
        _ path: RouterPath, takesQuery: Bool = false,
        _ handlers: [HTTPRequest.Method: @Sendable (Request, APIContext) async throws -> Response]
    ) {
        let handlers =
            takesQuery
            ? handlers
            : handlers.mapValues { handler in
                { request, context in
                    try request.checkQuery([])
                    return try await handler(request, context)
                }
            }
        for (method, handler) in handlers { on(path, method: method, use: handler) }
        if let get = handlers[.get] {
            on(path, method: .head) { request, context in try await get(request, context).withoutBody }
        }
        let allowed = handlers.keys.map(\.rawValue) + (handlers[.get] == nil ? [] : ["HEAD"])
        let allow = allowed.sorted().joined(separator: ", ")
        for method in [HTTPRequest.Method.get, .head, .post, .put, .patch, .delete, .options, .trace]
        where handlers[method] == nil && !(method == .head && handlers[.get] != nil) {
            on(path, method: method) { _, _ -> Response in
                throw APIError(
                    .methodNotAllowed, "\(method.rawValue) is not allowed here; allowed: \(allow)",
                    headers: [.allow: allow])
            }
        }
    }
}

extension Response {
    /// The answer to HEAD. Without a length where the body's is not known until it is written.
    var withoutBody: Response {
        var response = createHeadResponse()
        if body.contentLength == nil { response.headers[.contentLength] = headers[.contentLength] }
        return response
    }
}

extension Request {
    /// A parameter of the query; nil if absent.
    /// - Throws: `APIError` 422 if it stands there more than once or is no number.
    func queryNumber(_ name: String) throws -> Double? {
        guard let text = try queryText(name) else { return nil }
        guard let number = Double(text), number.isFinite else {
            throw APIError.invalid(["query", name], "'\(text)' is not a finite number", type: "float_parsing")
        }
        return number
    }

    /// - Throws: `APIError` 422 if it stands there more than once or is neither true nor false.
    func queryFlag(_ name: String) throws -> Bool? {
        guard let text = try queryText(name) else { return nil }
        guard let flag = Bool(lenient: text) else {
            throw APIError.invalid(["query", name], "'\(text)' is neither true nor false", type: "bool_parsing")
        }
        return flag
    }

    /// - Throws: `APIError` 422 if there is a parameter in the query that is none of these.
    func checkQuery(_ known: [String]) throws {
        for pair in (uri.query ?? "").split(separator: "&") {
            let name = Self.formDecoded(pair.prefix { $0 != "=" })
            guard known.contains(name) else { throw APIError.unknown(name, in: "query", known: known) }
        }
    }

    /// All values of a parameter that is a name; a plus stands for a space in them, as forms and most clients write it.
    func queryNames(_ name: String) -> [String] {
        (uri.query ?? "").split(separator: "&").compactMap { pair in
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard Self.formDecoded(parts[0]) == name else { return nil }
            return parts.count == 2 ? Self.formDecoded(parts[1]) : ""
        }
    }

    /// Batteries that `name` in the query names, as often as it stands there; empty if it does not.
    /// - Throws: `APIError` 422 if one is no name.
    func queryBatteries() throws -> [BatteryName] {
        try queryNames("name").map { text in
            do { return try BatteryName(text) } catch { throw APIError.invalid(["query", "name"], "\(error)") }
        }
    }

    private static func formDecoded(_ text: Substring) -> String {
        let spaced = text.replacing("+", with: " ")
        return spaced.removingPercentEncoding ?? String(spaced)
    }

    func queryText(_ name: String) throws -> String? {
        let values = uri.queryParameters[values: Substring(name)]
        guard values.count <= 1 else { throw APIError.invalid(["query", name], "stands in the query more than once") }
        return values.first.map(String.init)
    }
}

extension Bool {
    /// What people write for true and false; nil for anything else.
    init?(lenient text: String) {
        switch text.lowercased() {
        case "true", "1", "yes", "on": self = true
        case "false", "0", "no", "off": self = false
        default: return nil
        }
    }
}

extension APIContext {
    /// The battery that the path names.
    /// - Throws: `APIError` 422 if it is no name.
    func battery() throws -> BatteryName {
        let raw = try parameters.require("name")
        return try BatteryName(percentEncoded: raw)
    }
}

extension BatteryName {
    /// - Throws: `NameError`, also if the text is not percent-encoded UTF-8.
    init(percentEncoded text: String) throws(NameError) {
        // The usual case, without a way through Foundation.
        guard let name = text.utf8.contains(UInt8(ascii: "%")) ? text.removingPercentEncoding : text else {
            throw NameError(description: "the name is not percent-encoded UTF-8")
        }
        try self.init(name)
    }
}
