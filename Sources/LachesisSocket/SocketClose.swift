/// What a close frame says: a code of RFC 6455 section 7.4 and a reason in words.
package struct SocketClose: Sendable, Equatable {
    package var code: UInt16
    /// UTF-8; cut to 123 bytes (at a character) when it is sent, since a control frame holds no more.
    package var reason: String

    package init(code: UInt16, reason: String = "") {
        self.code = code
        self.reason = reason
    }

    /// 1000: the purpose is fulfilled.
    package static let normal = SocketClose(code: 1000)
    /// 1001: this server is shutting down.
    package static let goingAway = SocketClose(code: 1001, reason: "the server is shutting down")

    /// 1002: the peer broke the protocol.
    static func protocolError(_ reason: String) -> SocketClose { SocketClose(code: 1002, reason: reason) }
    /// 1007: text, or a close frame's reason, that is not UTF-8.
    static func invalidText(_ reason: String) -> SocketClose { SocketClose(code: 1007, reason: reason) }
    /// 1009: a message over the limit.
    static func tooLarge(limit: Int) -> SocketClose {
        SocketClose(code: 1009, reason: "a message is larger than the limit of \(limit) bytes")
    }

    /// Whether a peer may put this code into a close frame (RFC 6455 section 7.4, with the codes registered since).
    static func mayBeReceived(_ code: UInt16) -> Bool {
        switch code {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }
}

/// How the stream of a peer's messages ended.
package enum SocketEnd: Sendable, Equatable {
    /// The peer sent a close frame; nil when it bore no code.
    case closed(SocketClose?)
    /// The peer broke a rule; the value is what the server answers with.
    case refused(SocketClose)
    /// The connection was cut, reset or silent for too long, or the peer did not answer the server's close frame.
    case lost
    /// The handler called ``SocketConnection/close(_:)`` or returned.
    case abandoned
}

/// Errors of this module.
package enum SocketError: Error, Equatable {
    /// The connection is closed, or the server has already sent its close frame.
    case closed
}
