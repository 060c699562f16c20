import HTTPTypes
import HummingbirdCore
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import Testing

@testable import LachesisSocket

/// A TCP client that says exactly what a test wants said.
struct RawClient {
    private var iterator: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
    let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
    private var buffer = ByteBuffer()
    let channel: any Channel

    /// Connects, runs the test and disconnects.
    static func with<Result: Sendable>(
        port: Int, _ body: @Sendable (inout RawClient) async throws -> Result
    ) async throws -> Result {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelOption(.socketOption(.so_rcvbuf), value: 65536)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(
                        wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            var client = RawClient(
                iterator: inbound.makeAsyncIterator(), outbound: outbound, channel: channel.channel)
            return try await body(&client)
        }
    }

    private init(
        iterator: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator,
        outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>, channel: any Channel
    ) {
        self.iterator = iterator
        self.outbound = outbound
        self.channel = channel
    }

    func send(_ bytes: [UInt8]) async throws {
        try await outbound.write(ByteBuffer(bytes: bytes))
    }

    func send(_ text: String) async throws {
        try await send(Array(text.utf8))
    }

    func finishSending() {
        outbound.finish()
    }

    /// Reads until `count` bytes are there; false at the end of the stream or a reset.
    mutating func fill(_ count: Int) async -> Bool {
        while buffer.readableBytes < count {
            guard let more = try? await iterator.next() else { return false }
            buffer.writeImmutableBuffer(more)
        }
        return true
    }

    /// An HTTP response's head, up to and with the empty line.
    mutating func head() async -> String {
        var head = ""
        while !head.hasSuffix("\r\n\r\n") {
            guard await fill(1), let byte = buffer.readString(length: 1) else { break }
            head += byte
        }
        return head
    }

    mutating func text(_ count: Int) async -> String? {
        guard await fill(count) else { return nil }
        return buffer.readString(length: count)
    }

    /// Everything up to the end of the stream.
    mutating func rest() async -> String {
        while await fill(buffer.readableBytes + 1) {}
        return buffer.readString(length: buffer.readableBytes) ?? ""
    }

    /// The next frame of the server; nil at the end of the stream.
    mutating func frame() async -> (opcode: UInt8, payload: [UInt8])? {
        guard await fill(2), let first = buffer.readInteger(as: UInt8.self),
            let second = buffer.readInteger(as: UInt8.self)
        else { return nil }
        #expect(first & 0xF0 == 0x80)
        var length = Int(second)
        if length == 126 {
            guard await fill(2), let wide = buffer.readInteger(as: UInt16.self) else { return nil }
            length = Int(wide)
        } else if length == 127 {
            guard await fill(8), let wide = buffer.readInteger(as: UInt64.self) else { return nil }
            length = Int(wide)
        }
        guard await fill(length), let payload = buffer.readBytes(length: length) else { return nil }
        return (first & 0x0F, payload)
    }

    /// The code of the next frame if it is a close frame.
    mutating func closeCode() async -> UInt16? {
        guard let frame = await frame(), frame.opcode == 8, frame.payload.count >= 2 else { return nil }
        return UInt16(frame.payload[0]) << 8 | UInt16(frame.payload[1])
    }

    static func upgradeRequest(_ target: String = "/echo", extra: String = "") -> String {
        """
        GET \(target) HTTP/1.1\r
        Host: localhost\r
        Upgrade: websocket\r
        Connection: Upgrade\r
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r
        Sec-WebSocket-Version: 13\r
        \(extra)\r

        """
    }

    /// Opens a WebSocket and checks the server's hash of the key (the example of RFC 6455 section 1.3).
    mutating func open(_ target: String = "/echo", extra: String = "") async throws -> String {
        try await send(Self.upgradeRequest(target, extra: extra))
        let head = await head()
        #expect(head.hasPrefix("HTTP/1.1 101 "))
        #expect(head.lowercased().contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=\r\n"))
        return head
    }
}

/// Whether the request that is being answered was not parsed.
private func isRepeated(_ channel: any Channel) -> Bool {
    (try? channel.pipeline.syncOperations.handler(type: RequestRepetition.self))?.known != nil
}

/// Runs a real server on a free port while `body` runs, then shuts it down gracefully.
func withServer<Result: Sendable>(
    _ configuration: SocketConfiguration = SocketConfiguration(),
    shouldUpgrade: @escaping @Sendable (SocketRequest) async -> SocketUpgrade,
    _ body: @escaping @Sendable (_ port: Int, _ shutDown: @escaping @Sendable () async -> Void) async throws -> Result
) async throws -> Result {
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    let (ports, continuation) = AsyncStream.makeStream(of: Int.self)
    let channel = SocketServerChannel(
        configuration: configuration,
        promptly: { request, channel in
            guard let path = request.path, path.hasPrefix("/prompt"), path != "/prompt-no-more" || !isRepeated(channel)
            else { return nil }
            let isAtOnce = channel.eventLoop.inEventLoop
            return PromptAnswer(
                headers: [.server: "\(isAtOnce)", .vary: "\(isRepeated(channel))"], body: ByteBuffer(string: "at once"))
        },
        shouldUpgrade: shouldUpgrade,
        responder: { request, writer, channel in
            var collected = 0
            for try await part in request.body { collected += part.readableBytes }
            let text = "\(request.method) \(request.head.path ?? "") \(collected)"
            var head = HTTPResponse(status: .ok, headerFields: [.contentLength: String(text.utf8.count)])
            head.headerFields[.server] = "\(channel.eventLoop.inEventLoop)"
            try await writer.write(response: head, body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
        })
    let server = channel.server(
        configuration: ServerConfiguration(address: .hostname("127.0.0.1", port: 0)),
        onServerRunning: { continuation.yield($0.localAddress?.port ?? 0) },
        eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: logger)
    let group = ServiceGroup(services: [server], logger: logger)
    return try await withThrowingTaskGroup(of: Void.self) { tasks in
        tasks.addTask { try await group.run() }
        var iterator = ports.makeAsyncIterator()
        let port = await iterator.next() ?? 0
        let result = try await body(port) { await group.triggerGracefulShutdown() }
        await group.triggerGracefulShutdown()
        try await tasks.waitForAll()
        return result
    }
}
