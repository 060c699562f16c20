internal import HTTPTypes
internal import Hummingbird
internal import LachesisPages

extension Response {
    /// What every page says to a browser: everything comes from this server, nothing is inside another site's frame.
    ///
    /// The referrer is kept on this server, and not left out: without it a browser says `Origin: null` with forms.
    private static let pageFields: HTTPFields = {
        let names: [(String, String)] = [
            (
                "Content-Security-Policy",
                "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
                    + "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
            ),
            ("Referrer-Policy", "same-origin"),
            ("Cross-Origin-Opener-Policy", "same-origin"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
            ("X-Content-Type-Options", "nosniff"),
            ("X-Frame-Options", "DENY"),
        ]
        var fields: HTTPFields = [:]
        for (name, value) in names { if let name = HTTPField.Name(name) { fields[name] = value } }
        return fields
    }()

    /// A page; if the browser has the same one already, only that.
    static func page(_ html: [UInt8], status: HTTPResponse.Status = .ok, to request: Request) -> Response {
        let tag = StaticFile.entityTag(of: html)
        var fields = pageFields
        fields[.contentType] = "text/html; charset=utf-8"
        fields[.cacheControl] = "private, no-cache"
        fields[.vary] = "Cookie, Authorization"
        if status == .ok {
            fields[.eTag] = tag
            if request.headers.know(tag) { return Response(status: .notModified, headers: fields) }
        }
        return Response(status: status, headers: fields, body: ResponseBody(byteBuffer: ByteBuffer(bytes: html)))
    }

    /// A file that does not change while the server runs.
    static func file(_ file: StaticFile, to request: Request) -> Response {
        var fields = pageFields
        fields[.contentType] = file.contentType
        fields[.cacheControl] = "no-cache"
        fields[.eTag] = file.entityTag
        if request.headers.know(file.entityTag) { return Response(status: .notModified, headers: fields) }
        return Response(status: .ok, headers: fields, body: ResponseBody(byteBuffer: ByteBuffer(bytes: file.content)))
    }

    /// To another page, by GET.
    static func redirect(_ place: String, cookie: String? = nil) -> Response {
        var fields = pageFields
        fields[.location] = place
        fields[.cacheControl] = "no-store"
        fields[.setCookie] = cookie
        return Response(status: .seeOther, headers: fields)
    }
}
