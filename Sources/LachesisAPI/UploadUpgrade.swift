internal import Foundation
internal import HTTPTypes
internal import LachesisModel
internal import LachesisSocket
internal import LachesisStore
internal import Logging

/// Decides which WebSockets are opened: those at `/db/upload/{name}`.
struct UploadUpgrade: Sendable {
    private static let prefix = "/db/upload/"
    private static let longestStream = 128

    let store: Store
    let uploads: OpenUploads
    let gatekeeper: Gatekeeper
    let limits: Limits
    let logger: Logger

    func decide(_ request: SocketRequest) -> SocketUpgrade {
        let raw = request.path.hasPrefix(Self.prefix) ? String(request.path.dropFirst(Self.prefix.count)) : ""
        let isUpload = !raw.isEmpty && !raw.contains("/")
        let name = Result { () throws(NameError) in try BatteryName(percentEncoded: raw) }
        let caller: Caller
        do {
            caller = try gatekeeper.admit(
                Gatekeeper.Arrival(
                    method: .get, route: isUpload ? RouteTable.upload : nil, battery: isUpload ? try? name.get() : nil,
                    authority: request.head.authority, fields: request.headers, peer: request.remoteAddress,
                    own: request.localAddress))
        } catch {
            return .refuse(error.status, error.detail, headers: error.fields)
        }
        guard isUpload else { return .notFound }
        let battery: BatteryName
        switch name {
        case .success(let valid): battery = valid
        case .failure(let error): return .refuse(.unprocessableContent, error.description)
        }
        if let other = store.otherSpelling(of: battery) {
            return .refuse(.conflict, "the name differs from the battery '\(other)' in upper and lower case alone")
        }
        let items = URLComponents(string: "?" + (request.query ?? ""))?.queryItems ?? []
        if let other = items.first(where: { $0.name != "stream" }) {
            return .refuse(
                .unprocessableContent, "there is no '\(other.name.prefix(80))' in the query; there is stream")
        }
        guard items.count <= 1 else {
            return .refuse(.unprocessableContent, "stream stands in the query more than once")
        }
        let stream = items.first?.value
        if let stream, stream.isEmpty || stream.utf8.count > Self.longestStream {
            return .refuse(.unprocessableContent, "a stream's identifier has 1 to \(Self.longestStream) bytes")
        }
        let offersAcknowledging = request.subprotocols.contains(UploadSocket.acknowledging)
        let socket = UploadSocket(
            battery: battery, stream: stream, store: store, uploads: uploads, gatekeeper: gatekeeper,
            caller: caller, limits: limits, logger: logger)
        return .accept(subprotocol: offersAcknowledging ? UploadSocket.acknowledging : nil) { await socket.run($0) }
    }
}
