internal import HTTPTypes
internal import LachesisStore

/// The cookie in which a browser keeps a token between `/login` and `/logout`.
enum AccessCookie {
    private static let name = "lachesis_token"

    /// The secret that a request's `Cookie` fields hold; nil if there is none, or not exactly one.
    static func secret(in fields: HTTPFields) -> TokenSecret? {
        let pairs = fields[values: .cookie].flatMap { $0.split(separator: ";") }
        let values = pairs.compactMap { pair -> Substring? in
            let pair = pair.drop { $0 == " " }
            guard pair.hasPrefix(name + "=") else { return nil }
            return pair.dropFirst(name.utf8.count + 1)
        }
        return values.count == 1 ? TokenSecret(values[0]) : nil
    }

    /// `Set-Cookie` for a token: gone when the browser ends, out of reach of scripts and of other sites' pages.
    /// - Parameter isSecure: whether it may travel over TLS alone.
    static func setting(_ token: String, isSecure: Bool) -> String {
        "\(name)=\(token); Path=/; HttpOnly; SameSite=Strict" + (isSecure ? "; Secure" : "")
    }

    /// `Set-Cookie` that takes it away.
    static let removing = "\(name)=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0"
}
