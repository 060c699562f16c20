internal import HTTPTypes
internal import Hummingbird
internal import LachesisFleet

extension HTTPFields {
    /// Whether `If-None-Match` names an entity tag (RFC 9110, 13.1.2).
    /// - Parameter tag: with its quotes.
    func know(_ tag: String) -> Bool {
        self[values: .ifNoneMatch].flatMap { $0.split(separator: ",") }.contains { word in
            var word = word.drop(while: \.isWhitespace)
            while word.last?.isWhitespace == true { word.removeLast() }
            // The comparison is the weak one: a tag that somebody on the way has made weak is the same.
            return word == "*" || word == tag || word == "W/\(tag)"
        }
    }

    /// Of what is to be asked for again by its tag.
    static func tagged(_ tag: String) -> HTTPFields { [.eTag: tag, .cacheControl: "no-cache"] }

    /// Of a status of the board's.
    static func status(_ tag: String) -> HTTPFields {
        [.contentType: "application/json", .eTag: tag, .cacheControl: "no-cache"]
    }
}

extension Response {
    /// A status of the board's.
    static func status(_ body: StatusBoard.Body) -> Response {
        Response(
            status: .ok, headers: .status(body.tag), body: ResponseBody(byteBuffer: ByteBuffer(bytes: body.bytes)))
    }

    static func notModified(_ tag: String) -> Response { Response(status: .notModified, headers: .tagged(tag)) }
}
