internal import HTTPTypes
internal import LachesisModel

/// Why a request is not let in.
enum AccessDenial: Error, Equatable {
    case noHost
    case host(String)
    case origin(String)
    /// A cookie shows the token, and nothing shows that the request is one of the server's own pages.
    case foreignCookie
    /// There is no token, or one that is not known.
    case unknown
    case role(Role)
    case battery(BatteryName)

    var status: HTTPResponse.Status { self == .unknown ? .unauthorized : .forbidden }

    var fields: HTTPFields { self == .unknown ? [.wwwAuthenticate: "Bearer"] : [:] }

    var detail: String {
        switch self {
        case .noHost: "a request must say, once, which Host it is for"
        case .host(let host):
            "this server is not called '\(Self.short(host))'; if it should be, start it with --allowed-host"
        case .origin(let origin): "pages of '\(Self.short(origin))' may not use this server"
        case .foreignCookie:
            "with a cookie instead of a bearer token, what changes something must come from one of this server's own pages"
        case .unknown: "a token that the server knows is needed, as 'Authorization: Bearer …'"
        case .role(let role): "this token lacks the role '\(role.rawValue)'"
        case .battery(let battery): "this token is not for uploads to '\(battery)'"
        }
    }

    /// What comes from outside, within reason.
    private static func short(_ text: String) -> String { text.count > 100 ? text.prefix(100) + "…" : text }
}
