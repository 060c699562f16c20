import NIOCore
import Testing

@testable import LachesisSocket

@Suite(.serialized, .timeLimit(.minutes(1))) struct ShutdownTests {
    /// Waits so long that a delay by one of them shows on a machine that is busy, too.
    private static let patient: SocketConfiguration = {
        var configuration = SocketConfiguration()
        (configuration.shutdownGrace, configuration.closeTimeout) = (.seconds(30), .seconds(30))
        return configuration
    }()

    /// Starts a server, lets `body` begin something, shuts down, and gives the time until everything has ended.
    private func timeToShutDown(
        _ configuration: SocketConfiguration = patient,
        shouldUpgrade: @escaping @Sendable (SocketRequest) async -> SocketUpgrade = { _ in .notFound },
        _ body: @escaping @Sendable (inout RawClient, @Sendable () async -> Void) async throws -> Void
    ) async throws -> Duration {
        let start = try await withServer(configuration, shouldUpgrade: shouldUpgrade) { port, shutDown in
            let begun = Shared(ContinuousClock.now)
            try await RawClient.with(port: port) { client in
                try await body(&client) {
                    begun.withLock { $0 = .now }
                    await shutDown()
                }
                _ = await client.rest()
            }
            return begun.withLock { $0 }
        }
        return .now - start
    }

    @Test func aSilentConnectionDoesNotDelayIt() async throws {
        let time = try await timeToShutDown { client, shutDown in
            try await client.send("GET")
            try await Task.sleep(for: .milliseconds(50))
            await shutDown()
        }
        #expect(time < .seconds(10))
    }

    @Test func anIdleKeptConnectionDoesNotDelayIt() async throws {
        let time = try await timeToShutDown { client, shutDown in
            try await client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            _ = await client.head()
            await shutDown()
        }
        #expect(time < .seconds(10))
    }

    @Test func aStalledRequestIsCutAfterTheGrace() async throws {
        var configuration = SocketConfiguration()
        configuration.shutdownGrace = .milliseconds(300)
        let time = try await timeToShutDown(configuration) { client, shutDown in
            try await client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
            try await Task.sleep(for: .milliseconds(50))
            await shutDown()
        }
        #expect(time > .milliseconds(250) && time < .seconds(10))
    }

    @Test func socketsHear1001AndWhatTheyStillSendIsTaken() async throws {
        let count = Shared(0)
        @Sendable func counting(_: SocketRequest) -> SocketUpgrade {
            .accept { connection in
                for await burst in connection.bursts { count.withLock { $0 += burst.count } }
            }
        }
        let time = try await timeToShutDown(shouldUpgrade: counting) { client, shutDown in
            _ = try await client.open()
            try await client.send(clientFrame(2, [1]))
            await shutDown()
            #expect(await client.closeCode() == 1001)
            try await client.send(clientFrame(2, [2]) + clientClose(1001))
        }
        #expect(count.withLock { $0 } == 2)
        #expect(time < .seconds(10))
    }

    @Test func aSocketThatDoesNotAnswerIsCut() async throws {
        var configuration = SocketConfiguration()
        configuration.closeTimeout = .milliseconds(300)
        let ends = Shared<[SocketEnd?]>([])
        @Sendable func noting(_: SocketRequest) -> SocketUpgrade {
            .accept { connection in
                for await _ in connection.bursts {}
                ends.withLock { $0.append(connection.end) }
            }
        }
        let time = try await timeToShutDown(configuration, shouldUpgrade: noting) { client, shutDown in
            _ = try await client.open()
            await shutDown()
        }
        #expect(time > .milliseconds(250) && time < .seconds(10))
        #expect(ends.withLock { $0 } == [.lost])
    }

    @Test func aRefusedPeerDoesNotDelayIt() async throws {
        var configuration = SocketConfiguration()
        configuration.closeTimeout = .milliseconds(200)
        let time = try await timeToShutDown(configuration) { client, shutDown in
            try await client.send(RawClient.upgradeRequest("/nowhere"))
            #expect(await client.head().hasPrefix("HTTP/1.1 404"))
            await shutDown()
        }
        #expect(time < .seconds(2))
    }
}
