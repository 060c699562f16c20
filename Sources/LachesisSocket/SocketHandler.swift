import Logging
import NIOCore

/// The last handler of a WebSocket's pipeline: bytes in, bursts of messages out to the queue; frames in from the connection, bytes out.
///
/// The rules are those of ``FrameAssembler``, ``CloseHandshake`` and ``Liveness``; this type only carries out what they say.
final class SocketHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = Never
    typealias OutboundIn = OutboundFrame
    typealias OutboundOut = ByteBuffer

    private let configuration: SocketConfiguration
    private let queue: InboundQueue
    private let logger: Logger
    private var assembler: FrameAssembler
    private var handshake = CloseHandshake()
    private var liveness = Liveness()
    private var burst: [SocketMessage] = []
    private var burstCost = 0
    private var context: ChannelHandlerContext?
    private var closeDeadline: Scheduled<Void>?
    private var pingTimer: Scheduled<Void>?

    init(configuration: SocketConfiguration, queue: InboundQueue, logger: Logger) {
        self.configuration = configuration
        self.queue = queue
        self.logger = logger
        self.assembler = FrameAssembler(maxMessageSize: configuration.maxMessageSize)
    }

    /// The owner's handler is done; to be called on the event loop.
    func handlerReturned(_ choice: SocketClose?) {
        queue.finish(.abandoned)
        perform(handshake.handlerReturned(choice))
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        schedulePing(context)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        ended(.lost)
        self.context = nil
        closeDeadline?.cancel()
        pingTimer?.cancel()
    }

    // MARK: Reading

    func read(context: ChannelHandlerContext) {
        // A peer that does not read must not make this side gather pongs: no room to write, no reading.
        guard context.channel.isWritable || handshake.hasSentClose, queue.mayRead() else { return }
        context.read()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { context.channel.read() }
        context.fireChannelWritabilityChanged()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        liveness.received()
        let outcome = assembler.consume(Self.unwrapInboundIn(data))
        for message in outcome.messages { burstCost += message.payload.readableBytes + Self.messageOverhead }
        if burst.isEmpty {
            burst = outcome.messages
        } else {
            burst.append(contentsOf: outcome.messages)
        }
        if let ping = outcome.ping, !handshake.hasSentClose {
            write(OutboundFrame(opcode: .pong, payload: ping), context: context, promise: nil)
            context.flush()
        }
        if let end = outcome.end { ended(end) }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        deliverBurst()
    }

    /// Bytes that a waiting message costs besides its payload, so that a flood of empty ones is bounded too.
    private static let messageOverhead = 128

    private func deliverBurst() {
        guard !burst.isEmpty else { return }
        queue.offer(burst, cost: burstCost)
        burst = []
        burstCost = 0
    }

    private func ended(_ end: SocketEnd) {
        perform(handshake.inboundEnded(end))
    }

    // MARK: Writing

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard !handshake.hasSentClose else {
            promise?.fail(SocketError.closed)
            return
        }
        write(Self.unwrapOutboundIn(data), context: context, promise: promise)
    }

    private func write(_ frame: OutboundFrame, context: ChannelHandlerContext, promise: EventLoopPromise<Void>?) {
        let hasPayload = frame.payload.readableBytes > 0
        context.write(Self.wrapOutboundOut(frame.header()), promise: hasPayload ? nil : promise)
        if hasPayload { context.write(Self.wrapOutboundOut(frame.payload), promise: promise) }
    }

    // MARK: Ending

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case is ChannelShouldQuiesceEvent:
            perform(handshake.shutdown())
        case ChannelEvent.inputClosed:
            ended(.lost)
        default:
            context.fireUserInboundEventTriggered(event)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        ended(.lost)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A reset is how many clients end; nobody needs to read about it.
        logger.debug("WebSocket cut", metadata: ["error": "\(error)"])
        perform(handshake.deadlinePassed())
    }

    private func perform(_ actions: [CloseHandshake.Action]) {
        for action in actions {
            switch action {
            case .endInbound(let end):
                deliverBurst()
                queue.finish(end)
            case .send(let close, let then):
                sendClose(close, then: then)
            case .closeChannel:
                context?.close(promise: nil)
            }
        }
    }

    private func sendClose(_ close: SocketClose, then: CloseHandshake.AfterSending) {
        guard let context else { return }
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        closeDeadline = context.eventLoop.scheduleTask(in: .init(configuration.closeTimeout)) {
            bound.value.perform(bound.value.handshake.deadlinePassed())
        }
        let sent = context.eventLoop.makePromise(of: Void.self)
        write(.close(close), context: context, promise: sent)
        context.flush()
        context.channel.read()
        switch then {
        case .waitForPeer: break
        case .closeOutput: sent.futureResult.whenSuccess { bound.value.context?.close(mode: .output, promise: nil) }
        case .closeChannel: sent.futureResult.whenComplete { _ in bound.value.context?.close(promise: nil) }
        }
    }

    private func schedulePing(_ context: ChannelHandlerContext) {
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        pingTimer = context.eventLoop.scheduleTask(in: .init(configuration.pingInterval)) {
            bound.value.pingIntervalPassed()
        }
    }

    private func pingIntervalPassed() {
        guard let context, !handshake.hasSentClose, handshake.end == nil else { return }
        switch liveness.intervalPassed(isPaused: !queue.mayRead()) {
        case .nothing:
            break
        case .ping:
            write(OutboundFrame(opcode: .ping, payload: ByteBuffer()), context: context, promise: nil)
            context.flush()
        case .giveUp:
            perform(handshake.deadlinePassed())
            return
        }
        schedulePing(context)
    }
}
