internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import LachesisModel

/// Where people are sent who open a page without the right to see it; programs get their 401 or 403.
enum LoginRedirect {
    /// - Returns: nil unless a browser asks for something to look at.
    static func response(to request: Request, _ denial: AccessDenial) -> Response? {
        guard request.method == .get || request.method == .head else { return nil }
        let accepted = request.headers[values: .accept]
        guard accepted.contains(where: { $0.lowercased().contains("text/html") }) else { return nil }
        var address = "/login?next=" + escaped(request.uri.description)
        switch denial {
        case .unknown: break
        case .role(let role): address += "&lacks=\(role.rawValue)"
        default: return nil
        }
        return Response(status: .seeOther, headers: [.location: address, .cacheControl: "no-store"])
    }

    /// A place on this server to go to after logging in; `/` for anything else.
    ///
    /// Browsers take `//host` and `/\host` for another server, and drop line breaks and tabs from addresses.
    static func place(_ text: String?) -> String {
        guard let text, text.hasPrefix("/"), !text.hasPrefix("//"), !text.contains("\\"), text.utf8.count <= 2_048,
            text.utf8.allSatisfy({ $0 > 32 && $0 < 127 }), text != "/login", !text.hasPrefix("/login?")
        else { return "/" }
        return text
    }

    private static func escaped(_ text: String) -> String {
        text.addingPercentEncoding(withAllowedCharacters: .alphanumerics.union(CharacterSet(charactersIn: "/-_.")))
            ?? "/"
    }
}
