internal import HTTPTypes
internal import Hummingbird
internal import LachesisFleet
internal import LachesisModel
internal import LachesisSocket
internal import ServiceLifecycle

extension APIServer {
    /// Seconds after which somebody whom the line has no room for may ask again.
    private static let retryAfter = "10"

    /// For requests that take memory or time, such as a script that is built: a few at a time, and of one token half of the places at
    /// most, so that slow ones hold up nobody else's. Without tokens all are one caller, who may have every place: nobody tells
    /// them apart.
    /// - Parameters:
    ///   - waiting: requests that may wait; the next one gets 503.
    ///   - ofToken: of one token; the next one gets 429.
    static func turns(waiting: Int, ofToken: Int) -> Turnstile {
        var configuration = TurnstileLine.Configuration(places: 4)
        (configuration.waiting, configuration.waitingOfCaller) = (waiting, ofToken)
        return Turnstile(configuration)
    }

    /// Runs `body` when it is the caller's turn, its request's body unread until then; who hangs up meanwhile loses the turn.
    /// - Throws: `APIError` 429 or 503 if too many wait already.
    func takingTurns<Result: Sendable>(
        _ context: APIContext, at turnstile: Turnstile, _ body: @Sendable () async throws -> Result
    ) async throws -> Result {
        let caller = context.caller.turn
        let departure = PeerDeparture.current ?? PeerDeparture()
        do {
            try await cancelWhenGracefulShutdown {
                try await departure.cancelling { try await turnstile.enter(as: caller) }
            }
        } catch let refusal as TurnstileLine.Refusal {
            throw Self.error(for: refusal)
        } catch is CancellationError where departure.hasGone {
            // Nobody reads it; the audit log shows what became of the request.
            throw APIError(HTTPResponse.Status(code: 499), "the client hung up before its turn")
        }
        defer { turnstile.leave(as: caller) }
        return try await body()
    }

    private static func error(for refusal: TurnstileLine.Refusal) -> APIError {
        // The body that comes is not read to its end.
        let fields: HTTPFields = [.retryAfter: retryAfter, .connection: "close"]
        switch refusal {
        case .callerIsFull:
            return APIError(
                .tooManyRequests, "too many requests of this token wait for their turn; try again later",
                headers: fields)
        case .lineIsFull:
            return APIError(
                .serviceUnavailable, "too many requests wait for their turn; try again later", headers: fields)
        }
    }
}

extension Caller {
    /// Who it is in a line; nil for all those who are not told apart.
    fileprivate var turn: Int64? {
        switch self {
        case .bearer(let grant): grant.id
        case .local, .nobody: nil
        }
    }
}
