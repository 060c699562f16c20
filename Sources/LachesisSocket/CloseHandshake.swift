/// The closing of one WebSocket connection, from either side, as a pure state machine.
///
/// Its one unusual rule: the answer to the peer's close frame waits until the handler has returned, so that an owner can put everything
/// on disk before the peer is told that the connection is over.
struct CloseHandshake {
    enum Action: Equatable {
        /// Give the handler what is pending, then the end of the stream.
        case endInbound(SocketEnd)
        /// Send a close frame and start the deadline; afterwards close the channel, its sending half, or neither.
        case send(SocketClose, then: AfterSending)
        /// Close the channel, dropping what has not been sent.
        case closeChannel
    }

    enum AfterSending: Equatable {
        case waitForPeer
        case closeOutput
        case closeChannel
    }

    /// How the peer's messages ended, once they have.
    private(set) var end: SocketEnd?
    /// Whether the server's close frame has gone out: nothing may be written after it.
    private(set) var hasSentClose = false
    private var handlerHasReturned = false

    /// The peer closed, broke a rule, or is gone.
    mutating func inboundEnded(_ reason: SocketEnd) -> [Action] {
        guard end == nil else {
            // After a violation the peer's end of stream is all that is waited for.
            return reason == .lost && hasSentClose && handlerHasReturned ? [.closeChannel] : []
        }
        end = reason
        var actions: [Action] = [.endInbound(reason)]
        if hasSentClose && handlerHasReturned {
            actions.append(.closeChannel)
        }
        return actions
    }

    /// The handler has returned, perhaps having chosen a code; a choice goes before a violation, which came later in the stream.
    mutating func handlerReturned(_ choice: SocketClose?) -> [Action] {
        guard !handlerHasReturned else { return [] }
        handlerHasReturned = true
        if hasSentClose {
            return end == nil ? [] : [.closeChannel]
        }
        hasSentClose = true
        switch end {
        case .closed(let peer):
            let code = SocketClose(code: peer?.code ?? SocketClose.normal.code)
            return [.send(choice ?? code, then: .closeChannel)]
        case .refused(let violation):
            // The peer's frames can no longer be told apart, so its answer cannot be seen: half-close, and wait for its end of stream.
            return [.send(choice ?? violation, then: .closeOutput)]
        case .lost:
            // A peer that only closed its sending half may still read why.
            guard let choice else { return [.closeChannel] }
            return [.send(choice, then: .closeChannel)]
        case .abandoned, nil:
            return [.send(choice ?? .normal, then: .waitForPeer)]
        }
    }

    /// The server shuts down: tell the peer, and go on taking what it sends until it answers or the deadline passes.
    mutating func shutdown() -> [Action] {
        guard !hasSentClose, end == nil else { return [] }
        hasSentClose = true
        return [.send(.goingAway, then: .waitForPeer)]
    }

    /// The peer has not answered the server's close frame in time, or is silent for too long.
    mutating func deadlinePassed() -> [Action] {
        var actions: [Action] = []
        if end == nil {
            end = .lost
            actions.append(.endInbound(.lost))
        }
        hasSentClose = true
        actions.append(.closeChannel)
        return actions
    }
}
