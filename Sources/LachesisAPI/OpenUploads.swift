internal import HTTPTypes
internal import LachesisModel
internal import LachesisSocket
internal import Synchronization

/// The uploads that are open, by battery: a battery is not deleted under one.
final class OpenUploads: Sendable {
    typealias Ticket = UInt64

    private struct Upload {
        /// nil for a request, which is soon done.
        let connection: SocketConnection?
        let stream: String?
        let caller: Caller
    }

    private struct State {
        var connections: [BatteryName: [Ticket: Upload]] = [:]
        var deleting: Set<BatteryName> = []
        /// Called when a battery's last upload has left.
        var waiting: [BatteryName: CheckedContinuation<Void, Never>] = [:]
        var next: Ticket = 0
    }

    private let state = Mutex(State())

    /// Notes an upload before it stores anything.
    /// - Returns: nil if the battery is being deleted.
    func enter(
        _ battery: BatteryName, _ connection: SocketConnection?, stream: String? = nil, _ caller: Caller
    ) -> Ticket? {
        let upload = Upload(connection: connection, stream: stream, caller: caller)
        return state.withLock { state in
            guard !state.deleting.contains(battery) else { return nil }
            state.next += 1
            state.connections[battery, default: [:]][state.next] = upload
            return state.next
        }
    }

    /// Closes the connections whose stream an upload goes on with.
    func closeBefore(_ ticket: Ticket, of battery: BatteryName) {
        let before = state.withLock { state -> [Upload] in
            guard let open = state.connections[battery], let stream = open[ticket]?.stream else { return [] }
            return open.filter { $0.key < ticket && $0.value.stream == stream }.map(\.value)
        }
        for upload in before { upload.connection?.close(Self.moved) }
    }

    /// For a connection whose stream another one goes on with; of the range that is free for applications.
    static let moved = SocketClose(code: 4409, reason: "another connection goes on with the stream")

    /// Notes that an upload has stored all that it ever will.
    func leave(_ battery: BatteryName, _ ticket: Ticket) {
        let waiting = state.withLock { state -> CheckedContinuation<Void, Never>? in
            state.connections[battery]?[ticket] = nil
            guard state.connections[battery]?.isEmpty == true else { return nil }
            state.connections[battery] = nil
            return state.waiting.removeValue(forKey: battery)
        }
        waiting?.resume()
    }

    /// Closes the uploads of callers whom the gatekeeper no longer knows.
    func closeStrangers(by gatekeeper: Gatekeeper) {
        let open = state.withLock { state in state.connections.values.flatMap(\.values) }
        for upload in open where !gatekeeper.stillKnows(upload.caller) { upload.connection?.close(Self.revoked) }
    }

    static let revoked = SocketClose(code: 1008, reason: "the token of this upload is no longer valid")

    /// Keeps uploads out while `body` deletes a battery.
    /// - Parameter closing: whether those that are open are closed, and waited for.
    /// - Throws: `APIError` 409 if some are open and not to be closed, or if the battery is being deleted already.
    func withoutUploads<Output>(
        of battery: BatteryName, closing: Bool, _ body: () async throws -> Output
    ) async throws -> Output {
        let open = try state.withLock { state in
            guard !state.deleting.contains(battery) else {
                throw APIError(.conflict, "'\(battery)' is being deleted already")
            }
            let open = state.connections[battery] ?? [:]
            guard closing || open.isEmpty else {
                throw APIError(
                    .conflict, "'\(battery)' has \(open.count) open uploads; close them, or delete with force=true")
            }
            state.deleting.insert(battery)
            return open
        }
        defer { state.withLock { _ = $0.deleting.remove(battery) } }
        for upload in open.values {
            upload.connection?.close(SocketClose(code: 1008, reason: "the battery '\(battery)' is being deleted"))
        }
        await withCheckedContinuation { continuation in
            let isEmpty = state.withLock { state in
                guard state.connections[battery] != nil else { return true }
                state.waiting[battery] = continuation
                return false
            }
            if isEmpty { continuation.resume() }
        }
        return try await body()
    }
}
