internal import Hummingbird
internal import LachesisModel
internal import Synchronization

/// The battery that a request turns out to be about.
final class AuditSubject: Sendable {
    private let battery = Mutex<BatteryName?>(nil)

    func isBattery(_ name: BatteryName) { battery.withLock { $0 = name } }

    var text: String? { battery.withLock { $0?.text } }
}

extension APIServer {
    /// Does what changes something, and has an entry written of how it ended.
    /// - Parameter body: tells the battery as soon as it is known.
    func audited(
        _ action: String, _ context: APIContext, _ body: (AuditSubject) async throws -> Response
    ) async throws -> Response {
        let subject = AuditSubject()
        var entry = AuditEntry(action: action, caller: context.caller)
        entry.peer = context.peer
        defer {
            entry.battery = subject.text
            gatekeeper.note(entry)
        }
        do {
            let response = try await body(subject)
            entry.status = response.status.code
            return response
        } catch {
            let status = ErrorMiddleware<APIContext>.apiError(for: error).status
            (entry.status, entry.outcome) = (status.code, status.kind == .serverError ? .failed : .refused)
            throw error
        }
    }
}
