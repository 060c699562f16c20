import NIOCore
import Testing

@testable import LachesisSocket

@Suite(.serialized, .timeLimit(.minutes(1))) struct RequestRepetitionTests {
    private static let echo: @Sendable (SocketRequest) async -> SocketUpgrade = { _ in
        .accept { connection in
            for await burst in connection.bursts {
                for case .text(let bytes) in burst { try? await connection.send(text: String(buffer: bytes)) }
            }
        }
    }

    private static func request(_ path: String) -> String { "GET \(path) HTTP/1.1\r\nHost: x\r\n\r\n" }

    private func withClient(
        _ configuration: SocketConfiguration = SocketConfiguration(),
        _ body: @escaping @Sendable (inout RawClient) async throws -> Void
    ) async throws {
        try await withServer(configuration, shouldUpgrade: Self.echo) { port, _ in
            try await RawClient.with(port: port, body)
        }
    }

    /// Takes the next answer, whose body must be this one.
    /// - Returns: its head.
    private func answer(_ text: String, from client: inout RawClient) async -> String {
        let head = await client.head()
        #expect(await client.text(text.utf8.count) == text)
        return head
    }

    @Test func aRepeatedRequestIsAnsweredWithoutParsingByTheSameBytes() async throws {
        try await withClient { client in
            var heads: [String] = []
            for _ in 0..<4 {
                try await client.send(Self.request("/prompt"))
                heads.append(await answer("at once", from: &client))
            }
            #expect(heads[0].contains("Vary: false\r\n") && heads[1].contains("Vary: true\r\n"))
            #expect(heads.allSatisfy { $0.lowercased().split(separator: "\r\ndate: ").count == 2 })
            let others = heads.map { $0.replacing("Vary: true", with: "Vary: false").withoutDate }
            #expect(Set(others).count == 1)
        }
    }

    @Test func anotherRequestEndsTheRepetition() async throws {
        try await withClient { client in
            for (path, isRepeated) in [
                ("/prompt", false), ("/prompt", true), ("/prompt?a", false), ("/prompt", false), ("/prompt", true),
            ] {
                try await client.send(Self.request(path))
                #expect(await answer("at once", from: &client).contains("Vary: \(isRepeated)\r\n"))
            }
            try await client.send(Self.request("/slow"))
            _ = await answer("GET /slow 0", from: &client)
        }
    }

    @Test func whatIsNoLongerAtHandGoesTheLongWay() async throws {
        try await withClient { client in
            for _ in 0..<3 {
                try await client.send(Self.request("/prompt-no-more"))
                #expect(await answer("at once", from: &client).contains("Vary: false\r\n"))
            }
        }
    }

    /// The same bytes mean something else within a field, within a body and behind another request.
    @Test func bytesThatAreNoRequestAreNotTakenForOne() async throws {
        let known = Self.request("/prompt")
        try await withClient { client in
            func learn() async throws {
                for _ in 0..<3 {
                    try await client.send(known)
                    _ = await answer("at once", from: &client)
                }
            }
            try await learn()
            try await client.send("GET /slow HTTP/1.1\r\nX: ")
            try await Task.sleep(for: .milliseconds(100))
            try await client.send(known)
            _ = await answer("GET /slow 0", from: &client)

            try await learn()
            try await client.send("POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: \(known.utf8.count)\r\n\r\n")
            try await Task.sleep(for: .milliseconds(100))
            try await client.send(known)
            _ = await answer("POST /p \(known.utf8.count)", from: &client)

            try await learn()
            try await client.send("POST /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
            try await client.send("\(String(known.utf8.count, radix: 16))\r\n")
            try await Task.sleep(for: .milliseconds(100))
            try await client.send(known)
            try await Task.sleep(for: .milliseconds(100))
            try await client.send("\r\n0\r\n\r\n")
            _ = await answer("POST /p \(known.utf8.count)", from: &client)

            try await learn()
            try await client.send(Self.request("/slow") + known)
            _ = await answer("GET /slow 0", from: &client)
            _ = await answer("GET /prompt 0", from: &client)
            try await learn()
        }
    }

    @Test func blankLinesBeforeARequestAreRepeatedWithIt() async throws {
        try await withClient { client in
            for isRepeated in [false, true, true] {
                try await client.send("\r\n\r\n" + Self.request("/prompt"))
                #expect(await answer("at once", from: &client).contains("Vary: \(isRepeated)\r\n"))
            }
        }
    }

    @Test func whatIsFollowedByGarbageIsNotRepeated() async throws {
        try await withClient { client in
            let garbled = Self.request("/prompt") + "no request at all\r\n\r\n"
            try await client.send(garbled)
            #expect(await answer("at once", from: &client).contains("Vary: false\r\n"))
            try? await client.send(garbled)
            #expect(await !client.rest().contains("at once"))
        }
    }

    /// The end of a request that was answered at once is, alone, another request.
    @Test func theEndOfARequestIsNotTakenForAWholeOne() async throws {
        let end = Self.request("/slow")
        try await withClient { client in
            try await client.send("GET /prompt HTTP/1.1\r\nX: ")
            try await Task.sleep(for: .milliseconds(100))
            try await client.send(end)
            _ = await answer("at once", from: &client)
            try await client.send(end)
            _ = await answer("GET /slow 0", from: &client)
        }
    }

    @Test func whoRepeatsIsNotIdle() async throws {
        var configuration = SocketConfiguration()
        configuration.idleTimeout = .seconds(4)
        try await withClient(configuration) { client in
            var repeated = 0
            for _ in 0..<60 {
                try await client.send(Self.request("/prompt"))
                if await answer("at once", from: &client).contains("Vary: true") { repeated += 1 }
                try await Task.sleep(for: .milliseconds(100))
            }
            #expect(repeated > 0)
            #expect(await client.rest() == "")
        }
    }

    @Test func aSocketsMessagesAreNotLookedAt() async throws {
        try await withClient { client in
            _ = try await client.open("/echo")
            for _ in 0..<3 {
                try await client.send(clientFrame(1, Array(Self.request("/prompt").utf8)))
                let frame = await client.frame()
                #expect(frame.map { String(decoding: $0.payload, as: UTF8.self) } == Self.request("/prompt"))
            }
        }
    }
}

extension String {
    fileprivate var withoutDate: String {
        split(separator: "\r\n").filter { !$0.lowercased().hasPrefix("date:") }.joined(separator: "\n")
    }
}
