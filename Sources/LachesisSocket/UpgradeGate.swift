import HTTPTypes
import Logging
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1
import NIOWebSocket

/// What a connection turned out to be.
enum FirstRequest: Sendable {
    case http(NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>)
    case socket(SocketRequest)
    /// It ended, or was refused, without anything to do for the server.
    case nothing
}

/// Stands behind the HTTP codec and decides what a connection is, by its first request.
///
/// It answers what NIO would leave hanging (a refused upgrade, an unparsable first request), closes connections that stay silent, and lets
/// none outlive a shutdown. For a WebSocket it waits, without reading, for ``accept(subprotocol:request:configuration:)`` or ``refuse(_:)``.
final class UpgradeGate: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    private enum State {
        /// No request yet.
        case waiting
        /// The head of a good WebSocket request is there; its end is not.
        case arriving(HTTPRequestHead)
        /// The owner of the server is being asked; the response's fields are ready.
        case deciding(HTTPHeaders)
        case http
        /// A refusal has been written; what still comes is dropped until the peer closes.
        case refused
        /// The connection is a WebSocket; this handler is about to leave.
        case socket
    }

    private let configuration: SocketConfiguration
    private let codec: [any RemovableChannelHandler]
    private let startHTTP: () throws -> NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>
    private let firstRequest: EventLoopPromise<FirstRequest>
    let departure = PeerDeparture()
    private var state = State.waiting
    private var exchanges = HTTPExchanges()
    private var deadline: Scheduled<Void>?
    private var stall: Scheduled<Void>?
    /// Of the request whose body is still coming.
    private var body: BodyClock?
    private var bodyDeadline: Scheduled<Void>?
    /// The response under way says that it is the connection's last; the whole request need not be there.
    private var endsAfterResponse = false
    private var context: ChannelHandlerContext?
    private var isShuttingDown = false
    /// What came last is no HTTP: nothing that follows is.
    private var isGarbled = false

    /// - Parameters:
    ///   - codec: the encoder and decoder before this handler, which a WebSocket does without.
    ///   - startHTTP: puts the rest of the HTTP pipeline behind this handler.
    ///   - firstRequest: told, once, what the connection is.
    init(
        configuration: SocketConfiguration, codec: [any RemovableChannelHandler],
        startHTTP: @escaping () throws -> NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>,
        firstRequest: EventLoopPromise<FirstRequest>
    ) {
        self.configuration = configuration
        self.codec = codec
        self.startHTTP = startHTTP
        self.firstRequest = firstRequest
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        closeAfter(configuration.idleTimeout)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        firstRequest.succeed(.nothing)
        departure.happened()
        deadline?.cancel()
        bodyDeadline?.cancel()
        stall?.cancel()
        self.context = nil
    }

    /// Whether there have been requests that are no upgrade, and each has come whole and been answered.
    var isIdle: Bool {
        if case .http = state { exchanges.isIdle && body == nil && !isGarbled } else { false }
    }

    // MARK: The owner's answer

    /// Makes the connection a WebSocket; throws ``SocketError/closed`` if it has ended meanwhile. On the event loop.
    func accept(subprotocol: String?, request: SocketRequest, logger: Logger) throws -> (
        SocketConnection, SocketHandler
    ) {
        guard let context, case .deciding(var fields) = state, context.channel.isActive, !isShuttingDown else {
            self.context?.close(promise: nil)
            throw SocketError.closed
        }
        let channel = context.channel
        let operations = context.pipeline.syncOperations
        let queue = InboundQueue(highWater: configuration.inboundHighWater) { channel.read() }
        let handler = SocketHandler(configuration: configuration, queue: queue, logger: logger)

        if let subprotocol { fields.replaceOrAdd(name: "sec-websocket-protocol", value: subprotocol) }
        let response = HTTPResponseHead(version: .http1_1, status: .switchingProtocols, headers: fields)
        context.writeAndFlush(Self.wrapOutboundOut(.head(response)), promise: nil)
        state = .socket
        try operations.addHandler(handler)
        // What the decoder has read beyond the request it passes on as it leaves, through this handler.
        for part in codec { operations.removeHandler(part, promise: nil) }
        operations.removeHandler(self, promise: nil)
        operations.read()
        let connection = SocketConnection(request: request, subprotocol: subprotocol, channel: channel, queue: queue)
        return (connection, handler)
    }

    /// Answers a request with an error and ends the connection. On the event loop.
    func refuse(_ refusal: SocketRefusal) {
        guard let context else { return }
        state = .refused
        firstRequest.succeed(.nothing)
        var response = HTTPResponseHead(version: .http1_1, status: HTTPResponseStatus(statusCode: refusal.status.code))
        let body = ByteBuffer(string: refusal.body)
        response.headers = HTTPHeaders(refusal.headers)
        response.headers.replaceOrAdd(name: "content-type", value: "application/json")
        response.headers.replaceOrAdd(name: "content-length", value: String(body.readableBytes))
        response.headers.replaceOrAdd(name: "connection", value: "close")
        context.write(Self.wrapOutboundOut(.head(response)), promise: nil)
        context.write(Self.wrapOutboundOut(.body(.byteBuffer(body))), promise: nil)
        let sent = context.eventLoop.makePromise(of: Void.self)
        context.writeAndFlush(Self.wrapOutboundOut(.end(nil)), promise: sent)
        // Closing at once could reset the connection and take the answer along, if the peer is still sending.
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        sent.futureResult.whenSuccess { bound.value.context?.close(mode: .output, promise: nil) }
        closeAfter(configuration.closeTimeout)
        context.read()
    }

    // MARK: Requests

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .socket = state {
            context.fireChannelRead(data)
            return
        }
        let part = Self.unwrapInboundIn(data)
        switch (state, part) {
        case (.waiting, .head(let head)):
            decide(head, context: context)
        case (.arriving(let head), .end):
            ask(head, context: context)
        case (.arriving, .body):
            refuse(SocketRefusal(status: .badRequest, detail: "a request to open a WebSocket has no body"))
        case (.http, .head(let head)):
            guard case .http(let head) = UpgradeCheck.check(head, isFirst: false) else { return }
            pass(head, context: context)
        case (.http, .body):
            if case .body(let bytes) = part { body?.arrived(bytes.readableBytes, at: .now()) }
            context.fireChannelRead(data)
        case (.http, .end):
            body = nil
            bodyDeadline?.cancel()
            bodyDeadline = nil
            context.fireChannelRead(data)
        default:
            break
        }
    }

    private func decide(_ head: HTTPRequestHead, context: ChannelHandlerContext) {
        switch UpgradeCheck.check(head, isFirst: true) {
        case .refuse(let refusal):
            refuse(refusal)
        case .socket:
            state = .arriving(head)
        case .http(let head):
            deadline?.cancel()
            do {
                let channel = try startHTTP()
                state = .http
                firstRequest.succeed(.http(channel))
                pass(head, context: context)
            } catch {
                context.close(promise: nil)
            }
        }
    }

    private func ask(_ head: HTTPRequestHead, context: ChannelHandlerContext) {
        deadline?.cancel()
        guard !isShuttingDown else {
            refuse(SocketRefusal(status: .serviceUnavailable, detail: "the server is shutting down"))
            return
        }
        let (remoteAddress, localAddress) = (context.remoteAddress, context.localAddress)
        // Asked for its one service, the hash of the key; it answers at once.
        Self.upgrader.buildUpgradeResponse(
            channel: context.channel, upgradeRequest: head, initialResponseHeaders: HTTPHeaders()
        ).assumeIsolated().flatMapThrowing { fields in
            let request = try HTTPRequest(head, secure: self.configuration.tls != nil, splitCookie: false)
            self.state = .deciding(fields)
            self.firstRequest.succeed(
                .socket(SocketRequest(head: request, remoteAddress: remoteAddress, localAddress: localAddress)))
        }.whenFailure { _ in
            self.refuse(SocketRefusal(status: .badRequest, detail: "the request's head makes no sense"))
        }
    }

    private static let upgrader = NIOWebSocketServerUpgrader(
        shouldUpgrade: { channel, _ in channel.eventLoop.makeSucceededFuture(HTTPHeaders()) },
        upgradePipelineHandler: { channel, _ in channel.eventLoop.makeSucceededVoidFuture() })

    /// Hands a plain request on, and answers what its sender waits for before sending the body.
    private func pass(_ head: HTTPRequestHead, context: ChannelHandlerContext) {
        let expects = head.headers[canonicalForm: "expect"].contains { $0.lowercased() == "100-continue" }
        if expects, exchanges.isIdle {
            context.writeAndFlush(
                Self.wrapOutboundOut(.head(.init(version: .http1_1, status: .continue))), promise: nil)
        }
        exchanges.requestBegan(isLast: head.headers["connection"] == ["close"], isHead: head.method == .HEAD)
        body = BodyClock(configuration)
        context.fireChannelRead(Self.wrapInboundOut(.head(head)))
    }

    func read(context: ChannelHandlerContext) {
        if case .deciding = state { return }
        if body != nil {
            body?.waits(at: .now())
            if bodyDeadline == nil, let left = body?.left(at: .now()) { watchBody(for: left) }
        }
        context.read()
    }

    /// Ends the body once its client has made the server wait for too long; until then, looks again when that could be.
    private func watchBody(for time: TimeAmount) {
        guard let context else { return }
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        bodyDeadline = context.eventLoop.scheduleTask(in: time) {
            let gate = bound.value
            guard let body = gate.body else { return }
            let left = body.left(at: .now())
            if left > .zero { gate.watchBody(for: left) } else { gate.endBody() }
        }
    }

    /// Whoever reads the body is told, and may still answer.
    private func endBody() {
        body = nil
        context?.fireErrorCaught(SlowBody())
        // An answer that says it is the last sets a closer bound.
        closeAfter(configuration.idleTimeout)
    }

    // MARK: Responses

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch Self.unwrapOutboundIn(data) {
        case .head(var head):
            ResponseFraming.frame(&head, toHead: exchanges.answersHead)
            if exchanges.mustAnnounceClose && head.status.mayHaveResponseBody {
                head.headers.replaceOrAdd(name: "connection", value: "close")
            } else {
                endsAfterResponse = head.headers["connection"] == ["close"]
            }
            context.write(Self.wrapOutboundOut(.head(head)), promise: promise)
        case .end(let trailers):
            exchanges.responseEnded()
            if endsAfterResponse { return finish(trailers, context: context, promise: promise) }
            context.write(Self.wrapOutboundOut(.end(trailers)), promise: promise)
        case .body:
            context.write(data, promise: promise)
        }
    }

    /// Ends a connection with the response that says so: a body that nobody wants is not read to its end, which may never come, and
    /// no further request is.
    private func finish(_ trailers: HTTPHeaders?, context: ChannelHandlerContext, promise: EventLoopPromise<Void>?) {
        state = .refused
        body = nil
        bodyDeadline?.cancel()
        let sent = promise ?? context.eventLoop.makePromise()
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        sent.futureResult.whenSuccess { bound.value.context?.close(mode: .output, promise: nil) }
        context.writeAndFlush(Self.wrapOutboundOut(.end(trailers)), promise: sent)
        closeAfter(configuration.closeTimeout)
        context.read()
    }

    /// A peer that asks and does not read would hold its connection for ever: nobody else looks at the time that writing takes.
    func channelWritabilityChanged(context: ChannelHandlerContext) {
        stall?.cancel()
        stall = nil
        if !context.channel.isWritable {
            let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
            stall = context.eventLoop.scheduleTask(in: .init(configuration.idleTimeout)) {
                bound.value.context?.close(promise: nil)
            }
        }
        context.fireChannelWritabilityChanged()
    }

    // MARK: Ends

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        // TLS knows no closing of the receiving half, by which Hummingbird ends a connection whose task is cancelled.
        let isWhole = mode == .input && configuration.tls != nil
        context.close(mode: isWhole ? .all : mode, promise: promise)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch (event, state) {
        case (is ChannelShouldQuiesceEvent, .waiting), (is ChannelShouldQuiesceEvent, .arriving):
            context.close(promise: nil)
        case (is ChannelShouldQuiesceEvent, .http):
            closeAfter(configuration.shutdownGrace)
            context.fireUserInboundEventTriggered(event)
        case (is ChannelShouldQuiesceEvent, .deciding):
            isShuttingDown = true
            closeAfter(configuration.shutdownGrace)
        case (is ChannelShouldQuiesceEvent, .refused):
            break
        case (ChannelEvent.inputClosed, .waiting), (ChannelEvent.inputClosed, .arriving),
            (ChannelEvent.inputClosed, .deciding), (ChannelEvent.inputClosed, .refused):
            context.close(promise: nil)
        case (ChannelEvent.inputClosed, .http):
            departure.happened()
            context.fireUserInboundEventTriggered(event)
        default:
            context.fireUserInboundEventTriggered(event)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch state {
        case .http, .socket:
            isGarbled = isGarbled || error is HTTPParserError
            context.fireErrorCaught(error)
        case .waiting where error is HTTPParserError, .arriving where error is HTTPParserError:
            guard context.channel.isActive else { return }
            refuse(SocketRefusal(status: .badRequest, detail: "this is not HTTP/1.1"))
        case .refused where error is HTTPParserError:
            break
        case .waiting, .arriving, .deciding, .refused:
            context.close(promise: nil)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        firstRequest.succeed(.nothing)
        departure.happened()
        context.fireChannelInactive()
    }

    private func closeAfter(_ time: Duration) {
        guard let context else { return }
        deadline?.cancel()
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        deadline = context.eventLoop.scheduleTask(in: .init(time)) {
            bound.value.context?.close(promise: nil)
        }
    }
}
