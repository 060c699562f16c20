internal import HTTPTypes
internal import LachesisModel

/// What a request must show to be let in.
enum Requirement: Equatable {
    /// Nothing: everybody may ask.
    case nothing
    case role(Role)
}

/// Which route needs which role; what does not stand here needs `admin`.
enum RouteTable {
    static let upload = "/db/upload/{name}"

    private static let requirements: [HTTPRequest.Method: [String: Requirement]] = [
        .get: [
            "/": .role(.read),
            "/dashboard/{name}": .role(.read),
            "/dashboard/{name}/residuals": .role(.read),
            "/workers": .role(.admin),
            "/docs": .nothing,
            "/login": .nothing,
            "/static/{file}": .nothing,
            "/static/dygraphs/{file}": .nothing,
            "/health": .nothing,
            "/health/live": .nothing,
            "/health/ready": .nothing,
            "/metrics": .role(.read),
            "/openapi.json": .nothing,
            "/db/stats": .role(.read),
            "/db/data/{name}": .role(.read),
            "/db/metadata/{name}": .role(.read),
            "/online/status": .role(.read),
            "/online/events": .role(.read),
            "/online/status/{name}": .role(.read),
            "/online/history/{name}": .role(.read),
            "/online/{name}/logs": .role(.read),
            "/online/{name}/versions": .role(.read),
            "/online/{name}/versions/{version}": .role(.read),
            upload: .role(.upload),
        ],
        .post: [
            "/login": .nothing,
            "/logout": .nothing,
            "/db/register": .role(.register),
            upload: .role(.upload),
            "/online/register": .role(.register),
            "/online/check": .role(.register),
            "/online/{name}/rollback": .role(.register),
        ],
        .delete: [
            "/db/{name}": .role(.admin),
            "/online/{name}": .role(.register),
        ],
    ]

    /// - Parameter route: as it was given to the router; nil where no route matched.
    static func requirement(_ method: HTTPRequest.Method, _ route: String?) -> Requirement {
        let method = method == .head ? .get : method
        return route.flatMap { requirements[method]?[$0] } ?? .role(.admin)
    }
}
