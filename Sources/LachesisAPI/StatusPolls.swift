internal import HTTPTypes
internal import LachesisFleet
internal import LachesisModel
internal import LachesisSocket
internal import NIOCore

/// Answers at once the polls that are many: of statuses that are at hand or take microseconds, by those who may ask.
///
/// Everything else, what is wrong with a request among it, is the router's.
struct StatusPolls: Sendable {
    private static let ofAll = "/online/status"
    private static let ofOne = "/online/status/"

    let board: StatusBoard
    let gatekeeper: Gatekeeper

    func answer(_ request: HTTPRequest, on channel: any Channel) -> PromptAnswer? {
        guard request.method == .get, let path = request.path, path.hasPrefix(Self.ofAll) else { return nil }
        if path == Self.ofAll {
            guard isAdmitted(request, Self.ofAll, channel) else { return nil }
            if request.headerFields.contains(.ifNoneMatch) {
                let tag = board.tag
                if request.headerFields.know(tag) { return .notModified(tag) }
            }
            return board.lightBody().map { .status($0, to: request) }
        }
        guard path.hasPrefix(Self.ofOne), isAdmitted(request, "/online/status/{name}", channel),
            let battery = try? BatteryName(percentEncoded: String(path.dropFirst(Self.ofOne.count)))
        else { return nil }
        return board.lightBody(of: battery).map { .status($0, to: request) }
    }

    private func isAdmitted(_ request: HTTPRequest, _ route: String, _ channel: any Channel) -> Bool {
        gatekeeper.admits(
            Gatekeeper.Arrival(
                method: request.method, route: route, authority: request.authority, fields: request.headerFields,
                peer: channel.remoteAddress, own: channel.localAddress))
    }
}

extension PromptAnswer {
    fileprivate static func status(_ body: StatusBoard.Body, to request: HTTPRequest) -> PromptAnswer {
        request.headerFields.know(body.tag)
            ? .notModified(body.tag) : PromptAnswer(headers: .status(body.tag), body: ByteBuffer(bytes: body.bytes))
    }

    fileprivate static func notModified(_ tag: String) -> PromptAnswer {
        PromptAnswer(status: .notModified, headers: .tagged(tag))
    }
}
