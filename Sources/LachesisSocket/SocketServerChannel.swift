package import HTTPTypes
package import HummingbirdCore
package import Logging
package import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1

/// A server's connection that speaks HTTP/1.1, and becomes a WebSocket where its first request asks for one and the owner agrees.
///
/// Installed with ``HTTPServerBuilder/http1(withSockets:promptly:shouldUpgrade:)``. Sockets bypass router and middleware, and
/// so does what is answered promptly: `shouldUpgrade` and `promptly` are the places to check authorization and `Origin`.
package struct SocketServerChannel: ServerChildChannel, HTTPChannelHandler {
    /// A connection whose kind is not known yet.
    package struct Value: ServerChildChannelValue {
        package let channel: any Channel
        let gate: NIOLoopBound<UpgradeGate>
        let firstRequest: EventLoopFuture<FirstRequest>
        let departure: PeerDeparture
    }

    package let responder: Responder
    private let configuration: SocketConfiguration
    private let date = DateField()
    private let promptly: @Sendable (HTTPRequest, any Channel) -> PromptAnswer?
    private let shouldUpgrade: @Sendable (SocketRequest) async -> SocketUpgrade
    private let count: ConnectionCount

    /// - Parameter promptly: see ``HTTPServerBuilder/http1(withSockets:promptly:shouldUpgrade:)``. Default none.
    package init(
        configuration: SocketConfiguration,
        promptly: @escaping @Sendable (HTTPRequest, any Channel) -> PromptAnswer? = { _, _ in nil },
        shouldUpgrade: @escaping @Sendable (SocketRequest) async -> SocketUpgrade,
        responder: @escaping Responder
    ) {
        self.configuration = configuration
        (self.promptly, self.shouldUpgrade) = (promptly, shouldUpgrade)
        count = ConnectionCount(configuration)
        self.responder = { request, writer, channel in
            // The gate has left this field only where it could not answer itself.
            if request.headers[.upgrade] != nil {
                try await Self.answer(UpgradeCheck.lateRequest, with: writer)
            } else {
                try await responder(request, writer, channel)
            }
        }
    }

    package func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        channel.eventLoop.makeCompletedFuture {
            var limits = NIOHTTPDecoderLimitConfiguration()
            limits.maxHeaderFieldSize = configuration.maxHeaderSize
            limits.maxHeaderListSize = configuration.maxHeaderSize
            var framing = HTTPResponseEncoder.Configuration()
            // The gate does it.
            framing.automaticallySetFramingHeaders = false
            let encoder = HTTPResponseEncoder(configuration: framing)
            let decoder = ByteToMessageHandler(
                HTTPRequestDecoder(
                    leftOverBytesStrategy: .forwardBytes, informationalResponseStrategy: .drop,
                    limitConfiguration: limits))
            let repetition = RequestRepetition(date: date, idleTimeout: configuration.idleTimeout, promptly)
            let firstRequest = channel.eventLoop.makePromise(of: FirstRequest.self)
            let gate = UpgradeGate(
                configuration: configuration, codec: [repetition, encoder, decoder],
                startHTTP: { try addHTTPHandlers(to: channel, repetition, logger: logger) }, firstRequest: firstRequest)
            let operations = channel.pipeline.syncOperations
            try operations.addHandler(ConnectionLimit(count, isPlain: configuration.tls == nil, logger: logger))
            if let tls = configuration.tls { try operations.addHandler(tls.handler()) }
            try operations.addHandler(repetition)
            try operations.addHandler(encoder)
            try operations.addHandler(decoder)
            try operations.addHandler(gate)
            repetition.gate = gate
            return Value(
                channel: channel, gate: NIOLoopBound(gate, eventLoop: channel.eventLoop),
                firstRequest: firstRequest.futureResult, departure: gate.departure)
        }
    }

    private func addHTTPHandlers(
        to channel: any Channel, _ repetition: RequestRepetition, logger: Logger
    ) throws -> NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart> {
        let operations = channel.pipeline.syncOperations
        try operations.addHandler(HTTP1ToHTTPServerCodec(secure: configuration.tls != nil))
        try operations.addHandler(HTTPConnectionStateHandler(idleTimeout: configuration.idleTimeout, logger: logger))
        try operations.addHandler(PromptResponder(date: date, repetition: repetition, promptly))
        return try NIOAsyncChannel(
            wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
    }

    package func handle(value: Value, logger: Logger) async {
        switch try? await value.firstRequest.get() {
        case .http(let channel):
            await PeerDeparture.$current.withValue(value.departure) {
                await handleHTTP(asyncChannel: channel, logger: logger)
            }
        case .socket(let request):
            await withTaskCancellationHandler {
                await handleSocket(request, value: value, logger: logger)
            } onCancel: {
                value.channel.close(promise: nil)
            }
        case .nothing, nil:
            break
        }
    }

    /// Asks the owner, runs its handler, and sees the connection to its end.
    private func handleSocket(_ request: SocketRequest, value: Value, logger: Logger) async {
        let eventLoop = value.channel.eventLoop
        switch await shouldUpgrade(request) {
        case .refuse(let refusal):
            try? await eventLoop.submit { value.gate.value.refuse(refusal) }.get()
        case .accept(let subprotocol, let handler):
            let opened = try? await eventLoop.submit {
                let (connection, handler) = try value.gate.value.accept(
                    subprotocol: subprotocol, request: request, logger: logger)
                return (connection, NIOLoopBound(handler, eventLoop: eventLoop))
            }.get()
            guard let (connection, end) = opened else { break }
            // What it does with a message that comes has no way to another thread.
            await withTaskExecutorPreference(EventLoopExecutor(eventLoop)) { await handler(connection) }
            let choice = connection.choice.get()
            try? await eventLoop.submit { end.value.handlerReturned(choice) }.get()
        }
        try? await value.channel.closeFuture.get()
    }

    private static func answer(_ refusal: SocketRefusal, with writer: consuming ResponseWriter) async throws {
        let body = ByteBuffer(string: refusal.body)
        var fields = refusal.headers
        fields[.contentType] = "application/json"
        fields[.contentLength] = String(body.readableBytes)
        let head = HTTPResponse(status: refusal.status, headerFields: fields)
        try await writer.write(response: head, body: ResponseBody(byteBuffer: body))
    }
}

extension HTTPServerBuilder {
    /// A server for HTTP/1.1 and WebSocket: `Application(router:, server: .http1(withSockets: settings) { request in … })`.
    ///
    /// - Parameters:
    ///   - promptly: asked first about requests without a body, on their connection's event loop: it must take microseconds, wait for
    ///     nothing, and check access itself. What it has no answer to goes to the router.
    ///   - shouldUpgrade: asked once for every well-formed request to open a WebSocket. What the handler that it gives does when
    ///     a message comes, it does on the connection's event loop, too: what takes long must be done elsewhere.
    package static func http1(
        withSockets configuration: SocketConfiguration,
        promptly: @escaping @Sendable (HTTPRequest, any Channel) -> PromptAnswer? = { _, _ in nil },
        shouldUpgrade: @escaping @Sendable (SocketRequest) async -> SocketUpgrade
    ) -> HTTPServerBuilder {
        HTTPServerBuilder { responder in
            SocketServerChannel(
                configuration: configuration, promptly: promptly, shouldUpgrade: shouldUpgrade, responder: responder)
        }
    }
}
