internal import HTTPTypes
internal import Hummingbird
internal import LachesisFleet

extension Request {
    /// Whether `If-None-Match` names an entity tag (RFC 9110, 13.1.2).
    /// - Parameter tag: with its quotes.
    func alreadyHas(_ tag: String) -> Bool {
        headers[values: .ifNoneMatch].flatMap { $0.split(separator: ",") }.contains { word in
            var word = word.drop(while: \.isWhitespace)
            while word.last?.isWhitespace == true { word.removeLast() }
            // The comparison is the weak one: a tag that somebody on the way has made weak is the same.
            return word == "*" || word == tag || word == "W/\(tag)"
        }
    }
}

extension Response {
    /// A status of the board's, to be asked for again by its tag.
    static func status(_ body: StatusBoard.Body) -> Response {
        var response = json(body.bytes)
        response.headers[.eTag] = body.tag
        response.headers[.cacheControl] = "no-cache"
        return response
    }

    static func notModified(_ tag: String) -> Response {
        Response(status: .notModified, headers: [.eTag: tag, .cacheControl: "no-cache"])
    }
}
