import NIOCore
import Testing

@testable import LachesisSocket

@Suite(.serialized, .timeLimit(.minutes(1))) struct ConnectionLimitTests {
    private static let none: @Sendable (SocketRequest) async -> SocketUpgrade = { _ in .notFound }

    @Test func onlyTheTimeThatTheClientTakesCounts() {
        var configuration = SocketConfiguration()
        (configuration.bodyGrace, configuration.bodyTimeout) = (.seconds(10), .seconds(20))
        configuration.bodyBytesPerSecond = 100
        var clock = BodyClock(configuration)
        let start = NIODeadline.uptimeNanoseconds(1_000_000_000)
        #expect(clock.left(at: start + .seconds(100)) == .seconds(10))
        clock.waits(at: start)
        clock.waits(at: start + .seconds(2))
        #expect(clock.left(at: start + .seconds(3)) == .seconds(7))
        clock.arrived(0, at: start + .seconds(4))
        // The server does not read meanwhile.
        #expect(clock.left(at: start + .seconds(1_000)) == .seconds(6))
        clock.waits(at: start + .seconds(1_000))
        #expect(clock.left(at: start + .seconds(1_006)) == .zero)
        clock.arrived(500, at: start + .seconds(1_006))
        #expect(clock.left(at: start + .seconds(2_000)) == .seconds(5))
        clock.arrived(1 << 40, at: start + .seconds(2_000))
        #expect(clock.left(at: start + .seconds(3_000)) == .seconds(10), "the bound of all bodies")
    }

    @Test(arguments: [true, false]) func aBodyThatDripsEnds(byItsRate: Bool) async throws {
        var configuration = SocketConfiguration()
        if byItsRate {
            configuration.bodyGrace = .milliseconds(500)
        } else {
            configuration.bodyTimeout = .milliseconds(500)
        }
        try await withServer(configuration, shouldUpgrade: Self.none) { port, _ in
            let time = try await RawClient.with(port: port) { client in
                try await client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
                let outbound = client.outbound
                let start = ContinuousClock.now
                await withTaskGroup { group in
                    group.addTask {
                        // Ends with the connection.
                        while (try? await outbound.write(ByteBuffer(bytes: [1]))) != nil {
                            guard (try? await Task.sleep(for: .milliseconds(50))) != nil else { return }
                        }
                    }
                    #expect(await client.rest() == "")
                    group.cancelAll()
                }
                return .now - start
            }
            #expect(time > .milliseconds(400) && time < .seconds(5))
        }
    }

    @Test func aBodyThatComesInTimeIsServedAndTheNextOneHasItsOwnTime() async throws {
        var configuration = SocketConfiguration()
        configuration.bodyTimeout = .milliseconds(1_500)
        try await withServer(configuration, shouldUpgrade: Self.none) { port, _ in
            try await RawClient.with(port: port) { client in
                for _ in 1...3 {
                    try await client.send("POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\na")
                    try await Task.sleep(for: .milliseconds(600))
                    try await client.send("bc")
                    #expect(await client.head().hasPrefix("HTTP/1.1 200"))
                    #expect(await client.text(9) == "POST /p 3")
                }
            }
        }
    }

    @Test func connectionsBeyondTheLimitAreClosedAndPlacesComeFree() async throws {
        var configuration = SocketConfiguration()
        configuration.maxConnections = 1
        try await withServer(configuration, shouldUpgrade: Self.none) { port, _ in
            try await RawClient.with(port: port) { client in
                try await client.send("GET /1 HTTP/1.1\r\nHost: x\r\n\r\n")
                #expect(await client.head().hasPrefix("HTTP/1.1 200"))
                let further = try await RawClient.with(port: port) { client in await client.rest() }
                #expect(further.hasPrefix("HTTP/1.1 503 ") && further.contains("connection: close\r\n"))
                #expect(further.hasSuffix(#"{"detail":"the server has as many connections as it may; try again"}"#))
            }
            var answer = ""
            for _ in 1...100 where !answer.hasPrefix("HTTP/1.1 200") {
                answer =
                    (try? await RawClient.with(port: port) { client in
                        try await client.send("GET /2 HTTP/1.1\r\nHost: x\r\n\r\n")
                        return await client.head()
                    }) ?? ""
                try await Task.sleep(for: .milliseconds(20))
            }
            #expect(answer.hasPrefix("HTTP/1.1 200"))
        }
    }
}
