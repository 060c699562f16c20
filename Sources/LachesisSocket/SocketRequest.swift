package import HTTPTypes
package import NIOCore

/// A request to open a WebSocket, as it is put to the owner of the server.
package struct SocketRequest: Sendable {
    /// Method, target, host (`head.authority`) and header fields as they came.
    package let head: HTTPRequest
    /// The target's path, percent-encoded as it came.
    package let path: String
    /// What follows the first `?`, percent-encoded as it came; nil without one.
    package let query: String?
    /// The peer's address.
    package let remoteAddress: SocketAddress?
    /// This side's address of the connection.
    package let localAddress: SocketAddress?

    package var headers: HTTPFields { head.headerFields }

    /// Subprotocols that the client offers, most wanted first.
    package var subprotocols: [String] {
        headers[values: .secWebSocketProtocol].flatMap { value in
            value.split(separator: ",").map { $0.trimmingWhitespace() }.filter { !$0.isEmpty }
        }
    }

    init(head: HTTPRequest, remoteAddress: SocketAddress?, localAddress: SocketAddress?) {
        self.head = head
        (self.remoteAddress, self.localAddress) = (remoteAddress, localAddress)
        var target = Substring(head.path ?? "/")
        if target.first != "/", let scheme = target.firstRange(of: "://") {
            // The absolute form, which clients use towards proxies.
            let rest = target[scheme.upperBound...]
            target = rest.firstIndex(of: "/").map { rest[$0...] } ?? "/"
        }
        if let mark = target.firstIndex(of: "?") {
            path = String(target[..<mark])
            query = String(target[target.index(after: mark)...])
        } else {
            path = String(target)
            query = nil
        }
    }
}

/// What the owner of the server says to a ``SocketRequest``.
package enum SocketUpgrade: Sendable {
    /// The socket is opened and given to the handler; it is closed when the handler returns.
    ///
    /// `subprotocol` must be one that the client offered, or nil.
    case accept(subprotocol: String? = nil, handler: @Sendable (SocketConnection) async -> Void)
    /// The client gets an HTTP response and the connection is closed.
    case refuse(SocketRefusal)

    /// Refuses with a status and a sentence.
    package static func refuse(_ status: HTTPResponse.Status, _ detail: String, headers: HTTPFields = [:]) -> Self {
        .refuse(SocketRefusal(status: status, detail: detail, headers: headers))
    }

    /// 404, for a path where no socket is to be had.
    package static let notFound = Self.refuse(.notFound, "there is no WebSocket at this path")
}

/// An HTTP response in place of a WebSocket: `{"detail": …}` with `Connection: close`.
package struct SocketRefusal: Error, Sendable, Equatable {
    package var status: HTTPResponse.Status
    package var detail: String
    /// Header fields besides those of the body and the connection.
    package var headers: HTTPFields

    package init(status: HTTPResponse.Status, detail: String, headers: HTTPFields = [:]) {
        self.status = status
        self.detail = detail
        self.headers = headers
    }

    /// The body, JSON.
    var body: String {
        var text = "{\"detail\":\""
        for scalar in detail.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text + "\"}"
    }
}

extension Substring {
    /// Without spaces and tabs at both ends.
    fileprivate func trimmingWhitespace() -> String {
        var text = self
        while let last = text.last, last == " " || last == "\t" { text.removeLast() }
        return String(text.drop { $0 == " " || $0 == "\t" })
    }
}
