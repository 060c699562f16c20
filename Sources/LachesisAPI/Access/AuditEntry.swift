package import Foundation
internal import LachesisModel
package import NIOCore

/// Something that was done, or refused, and by whom.
package struct AuditEntry: Sendable {
    package enum Outcome: String, Sendable { case ok, refused, failed }

    package let time: Date
    /// What was to be done: a method and its endpoint, or a command.
    package let action: String
    package let caller: Caller
    package var peer: SocketAddress?
    package var battery: String?
    /// The token that a command was about.
    package var token: Int64?
    package var outcome = Outcome.ok
    /// Of the HTTP response.
    package var status: Int?
    package var detail: String?
    /// Refusals since the last entry that have none.
    package var untold = 0

    package init(time: Date = .now, action: String, caller: Caller) {
        (self.time, self.action, self.caller) = (time, action, caller)
    }

    /// One line of JSON; `actor` is `local`, a token's `{"token", "label"}`, or null for nobody who is known.
    var line: [UInt8] {
        var json = JSONWriter(capacity: 256)
        json.beginObject()
        json.key("time")
        json.string(time.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true)))
        json.key("actor")
        switch caller {
        case .local: json.string("local")
        case .nobody: json.null()
        case .bearer(let grant):
            json.beginObject()
            json.key("token")
            json.integer(grant.id)
            json.key("label")
            json.string(grant.label)
            json.endObject()
        }
        json.key("peer")
        json.string(peer?.ipAddress)
        json.key("action")
        json.string(action)
        json.key("battery")
        json.string(battery)
        json.key("outcome")
        json.string(outcome.rawValue)
        writeOptional(to: &json)
        json.endObject()
        return json.bytes + [UInt8(ascii: "\n")]
    }

    private func writeOptional(to json: inout JSONWriter) {
        for (key, number) in [
            ("token", token.map(Int.init)), ("status", status), ("untold", untold > 0 ? untold : nil),
        ] {
            guard let number else { continue }
            json.key(key)
            json.integer(number)
        }
        guard let detail else { return }
        json.key("detail")
        json.string(detail)
    }
}
