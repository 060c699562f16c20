import HTTPTypes
import NIOCore
import NIOPosix
import Testing

@testable import LachesisSocket

@Suite(.serialized, .timeLimit(.minutes(1))) struct SocketServerTests {
    private static let echo: @Sendable (SocketRequest) async -> SocketUpgrade = { request in
        guard request.path == "/echo" else { return .notFound }
        return .accept(subprotocol: request.subprotocols.first) { connection in
            for await burst in connection.bursts {
                for message in burst {
                    switch message {
                    case .binary(let bytes): try? await connection.send(binary: bytes)
                    case .text(let bytes): try? await connection.send(text: String(buffer: bytes))
                    }
                }
            }
        }
    }

    @Test func messagesComeAndGo() async throws {
        try await withServer(shouldUpgrade: Self.echo) { port, _ in
            try await RawClient.with(port: port) { client in
                let head = try await client.open("/echo?x=1", extra: "Sec-WebSocket-Protocol: one.v1, two\r\n")
                #expect(head.lowercased().contains("sec-websocket-protocol: one.v1\r\n"))
                try await client.send(clientFrame(2, [1, 2, 3]) + clientFrame(1, Array("hi".utf8)))
                let first = await client.frame()
                #expect(first?.opcode == 2 && first?.payload == [1, 2, 3])
                let second = await client.frame()
                #expect(second?.opcode == 1 && second?.payload == Array("hi".utf8))
                try await client.send(clientFrame(9, [9, 9]))
                let pong = await client.frame()
                #expect(pong?.opcode == 10 && pong?.payload == [9, 9])
                let large = [UInt8](repeating: 5, count: 65536)
                try await client.send(clientFrame(2, large))
                #expect(await client.frame()?.payload == large)
                try await client.send(clientClose(1000))
                #expect(await client.closeCode() == 1000)
                #expect(await client.rest() == "")
            }
        }
    }

    /// Tells of each message whether what is done with it runs on the connection's event loop, before and after something else.
    private static let places: @Sendable (SocketRequest) async -> SocketUpgrade = { _ in
        .accept { connection in
            let eventLoop = connection.channel.eventLoop
            for await _ in connection.bursts {
                let before = eventLoop.inEventLoop
                try? await Task.sleep(for: .milliseconds(5))
                try? await connection.send(text: "\(before) \(eventLoop.inEventLoop)")
            }
        }
    }

    @Test func whatTheEventLoopWakesRunsOnItAndNothingElseDoes() async throws {
        try await withServer(shouldUpgrade: Self.places) { port, _ in
            try await RawClient.with(port: port) { client in
                _ = try await client.open("/")
                var found: [String: Int] = [:]
                for _ in 0..<20 {
                    try await client.send(clientFrame(2, [1]))
                    found[String(decoding: await client.frame()?.payload ?? [], as: UTF8.self), default: 0] += 1
                }
                // Who is woken before it sleeps goes on where it was, which is seldom.
                #expect(found["true false"] ?? 0 >= 10, "\(found)")
            }
        }
    }

    @Test func framesSentAlongWithTheRequestAreNotLost() async throws {
        try await withServer(shouldUpgrade: Self.echo) { port, _ in
            try await RawClient.with(port: port) { client in
                try await client.send(Array(RawClient.upgradeRequest().utf8) + clientFrame(2, [7]) + clientClose(3001))
                #expect(await client.head().hasPrefix("HTTP/1.1 101 "))
                #expect(await client.frame()?.payload == [7])
                #expect(await client.closeCode() == 3001)
            }
        }
    }

    @Test func theAnswerToACloseFrameWaitsForTheHandler() async throws {
        let gate = Meeting()
        let stored = Shared(0)
        let end = Shared<SocketEnd?>(nil)
        try await withServer { _ in
            .accept { connection in
                for await burst in connection.bursts { stored.withLock { $0 += burst.count } }
                end.withLock { $0 = connection.end }
                try? await connection.send(text: "ended")
                await gate.wait()
            }
        } _: { port, _ in
            try await RawClient.with(port: port) { client in
                _ = try await client.open()
                let frames = (0..<1000).flatMap { clientFrame(2, [UInt8($0 & 255)]) }
                try await client.send(frames + clientClose(4321, "done"))
                #expect(await client.frame()?.payload == Array("ended".utf8))
                #expect(stored.withLock { $0 } == 1000)
                let opened = ContinuousClock.now
                async let answer: Void = {
                    try? await Task.sleep(for: .milliseconds(200))
                    gate.open()
                }()
                #expect(await client.closeCode() == 4321)
                #expect(ContinuousClock.now - opened > .milliseconds(150))
                await answer
                #expect(end.withLock { $0 } == .closed(SocketClose(code: 4321, reason: "done")))
            }
        }
    }

    @Test func aHandlerMayChooseTheCode() async throws {
        try await withServer { _ in
            .accept { connection in
                for await _ in connection.bursts {
                    connection.close(SocketClose(code: 1008, reason: "message 1, key a"))
                    connection.close(SocketClose(code: 1003))
                }
            }
        } _: { port, _ in
            try await RawClient.with(port: port) { client in
                _ = try await client.open()
                try await client.send(clientFrame(2, [1]))
                let frame = await client.frame()
                #expect(frame?.payload == [3, 240] + Array("message 1, key a".utf8))
                try await client.send(clientFrame(2, [2]) + clientClose(1008))
                #expect(await client.rest() == "")
            }
        }
    }

    @Test(
        arguments: [
            (clientFrame(2, [1], mask: nil), 1002), (clientFrame(1, [0xFF]), 1007),
            (clientFrame(2, [UInt8](repeating: 0, count: 70_000)), 1009),
        ] as [([UInt8], UInt16)])
    func violationsAreAnsweredAfterTheHandlerHasAllThatCameBefore(bytes: [UInt8], code: UInt16) async throws {
        let count = Shared(0)
        try await withServer { _ in
            .accept { connection in
                for await burst in connection.bursts { count.withLock { $0 += burst.count } }
            }
        } _: { port, _ in
            try await RawClient.with(port: port) { client in
                _ = try await client.open()
                try await client.send(clientFrame(2, [1]) + clientFrame(2, [2]) + bytes)
                #expect(await client.closeCode() == code)
                #expect(await client.rest() == "")
                #expect(count.withLock { $0 } == 2)
            }
        }
    }

    @Test func backPressureReachesTheSenderAndNothingIsLost() async throws {
        let gate = Meeting()
        let total = Shared((messages: 0, largestBurst: 0, isOrdered: true))
        var configuration = SocketConfiguration()
        configuration.inboundHighWater = 64 * 1024
        let count = 20_000
        try await withServer(configuration) { _ in
            .accept { connection in
                await gate.wait()
                for await burst in connection.bursts {
                    total.withLock { total in
                        for message in burst {
                            let number = message.payload.getInteger(at: message.payload.readerIndex, as: UInt32.self)
                            total.isOrdered = total.isOrdered && number == UInt32(total.messages)
                            total.messages += 1
                        }
                        total.largestBurst = max(total.largestBurst, burst.reduce(0) { $0 + $1.payload.readableBytes })
                    }
                }
            }
        } _: { port, _ in
            try await RawClient.with(port: port) { client in
                _ = try await client.open()
                let sent = Shared(0)
                let outbound = client.outbound
                try await withThrowingTaskGroup(of: Void.self) { tasks in
                    tasks.addTask {
                        for number in 0..<UInt32(count) {
                            let bytes = (0..<4).reversed().map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }
                            let frame = clientFrame(2, bytes + [UInt8](repeating: 0, count: 1000))
                            try await outbound.write(ByteBuffer(bytes: frame))
                            sent.withLock { $0 += 1 }
                        }
                        try await outbound.write(ByteBuffer(bytes: clientClose(1000)))
                    }
                    tasks.addTask {
                        var before = -1
                        while true {
                            try await Task.sleep(for: .milliseconds(300))
                            let now = sent.withLock { $0 }
                            if now == before { break }
                            before = now
                        }
                        #expect(before < count)  // 20 MB do not fit into what the system buffers
                        gate.open()
                    }
                    try await tasks.waitForAll()
                }
                #expect(await client.closeCode() == 1000)
                let result = total.withLock { $0 }
                #expect(result.messages == count && result.isOrdered)
                #expect(result.largestBurst < 1024 * 1024)
            }
        }
    }

    @Test func sendingWaitsForAPeerThatDoesNotRead() async throws {
        let sent = Shared(0)
        try await withServer { _ in
            .accept { connection in
                for _ in 0..<1000 {
                    guard (try? await connection.send(binary: ByteBuffer(repeating: 1, count: 65536))) != nil else {
                        return
                    }
                    sent.withLock { $0 += 1 }
                }
            }
        } _: { port, _ in
            try await RawClient.with(port: port) { client in
                _ = try await client.open()
                try await Task.sleep(for: .milliseconds(500))
                let stuck = sent.withLock { $0 }
                #expect(stuck < 1000)
                for _ in 0..<1000 { #expect(await client.frame()?.payload.count == 65536) }
                #expect(await client.closeCode() == 1000)
            }
        }
    }

    @Test func aCutConnectionEndsTheStreamAndSendingFails() async throws {
        let gate = Meeting()
        let seen = Shared<(end: SocketEnd?, failed: Bool, count: Int)>((nil, false, 0))
        try await withServer { _ in
            .accept { connection in
                for await burst in connection.bursts { seen.withLock { $0.count += burst.count } }
                var failed = false
                do {
                    for _ in 0..<50 { try await connection.send(binary: ByteBuffer(repeating: 1, count: 60000)) }
                } catch {
                    failed = true
                }
                seen.withLock { ($0.end, $0.failed) = (connection.end, failed) }
                gate.open()
            }
        } _: { port, _ in
            try await RawClient.with(port: port) { client in
                _ = try await client.open()
                try await client.send(clientFrame(2, [1]) + clientFrame(2, [2, 2])[0..<5])
                try await Task.sleep(for: .milliseconds(50))
                try await client.channel.close()
            }
            await gate.wait()
            let result = seen.withLock { $0 }
            #expect(result.end == .lost && result.failed && result.count == 1)
        }
    }

    @Test func aSilentPeerIsPingedAndGivenUp() async throws {
        var configuration = SocketConfiguration()
        configuration.pingInterval = .milliseconds(60)
        let ends = AsyncStream.makeStream(of: SocketEnd?.self)
        try await withServer(configuration) { _ in
            .accept { connection in
                for await _ in connection.bursts {}
                ends.continuation.yield(connection.end)
            }
        } _: { port, _ in
            try await RawClient.with(port: port) { client in
                _ = try await client.open()
                #expect(await client.frame()?.opcode == 9)
                try await client.send(clientFrame(10))
                #expect(await client.frame()?.opcode == 9)
                #expect(await client.frame() == nil)
                var iterator = ends.stream.makeAsyncIterator()
                #expect(await iterator.next() == .some(.lost))
            }
        }
    }
}
