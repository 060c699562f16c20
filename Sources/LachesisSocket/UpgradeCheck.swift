import HTTPTypes
import NIOHTTP1

/// What a request's head asks for, by RFC 9110 section 7.8 and RFC 6455 section 4.2.1; pure.
enum UpgradeCheck {
    /// Plain HTTP; the head may have been changed so that the rest of the server answers it as such.
    case http(HTTPRequestHead)
    /// A WebSocket, with everything it needs but the owner's word.
    case socket
    case refuse(SocketRefusal)

    /// - Parameter isFirst: whether this is the connection's first request; a later one cannot become a WebSocket.
    static func check(_ head: HTTPRequestHead, isFirst: Bool) -> UpgradeCheck {
        var head = head
        let protocols = head.headers[canonicalForm: "upgrade"].map { $0.lowercased() }
        let isAsked = head.headers[canonicalForm: "connection"].contains { $0.lowercased() == "upgrade" }
        guard isAsked, protocols.contains("websocket") else {
            // NIO's decoder stops after a request that looks like an upgrade, so its connection cannot be used again; and Hummingbird
            // looks for this very word to close.
            if !head.isKeepAlive || !protocols.isEmpty || head.method == .CONNECT {
                head.headers.replaceOrAdd(name: "connection", value: "close")
            }
            head.headers.remove(name: "upgrade")
            head.headers.remove(name: "http2-settings")
            return .http(head)
        }
        guard isFirst else {
            // Responses to earlier requests may be under way: ``SocketServerChannel/responder`` answers this one in its turn.
            head.headers.replaceOrAdd(name: "connection", value: "close")
            head.headers.replaceOrAdd(name: "upgrade", value: "websocket")
            return .http(head)
        }
        if let refusal = refusal(of: head) { return .refuse(refusal) }
        return .socket
    }

    private static func refusal(of head: HTTPRequestHead) -> SocketRefusal? {
        func bad(_ detail: String) -> SocketRefusal { SocketRefusal(status: .badRequest, detail: detail) }
        guard head.method == .GET else { return bad("a WebSocket is opened with GET") }
        guard head.version == .http1_1 else { return bad("a WebSocket needs HTTP/1.1") }
        let lengths = head.headers[canonicalForm: "content-length"]
        guard !head.headers.contains(name: "transfer-encoding"), lengths.allSatisfy({ $0 == "0" }) else {
            return bad("a request to open a WebSocket has no body")
        }
        let versions = head.headers["sec-websocket-version"]
        guard versions == ["13"] else {
            return SocketRefusal(
                status: .upgradeRequired, detail: "only version 13 of the WebSocket protocol is spoken here",
                headers: upgradeFields)
        }
        let keys = head.headers["sec-websocket-key"]
        guard keys.count == 1, isKey(keys[0]) else {
            return bad("Sec-WebSocket-Key must be there once: 16 bytes in base64")
        }
        return nil
    }

    /// The answer to a WebSocket request that is not its connection's first.
    static let lateRequest = SocketRefusal(
        status: .upgradeRequired, detail: "a WebSocket must be a connection's first request: connect anew",
        headers: upgradeFields)

    private static let upgradeFields: HTTPFields = [.upgrade: "websocket", .secWebSocketVersion: "13"]

    /// Sixteen bytes in base64: 22 characters of its alphabet and two of padding.
    private static func isKey(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard bytes.count == 24, bytes.suffix(2) == [0x3D, 0x3D] else { return false }
        return bytes.dropLast(2).allSatisfy { byte in
            switch byte {
            case 0x41...0x5A, 0x61...0x7A, 0x30...0x39, 0x2B, 0x2F: true
            default: false
            }
        }
    }
}
