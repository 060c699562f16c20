import HTTPTypes
import NIOCore
import Synchronization
import TestSupport
import Testing

@testable import LachesisSocket

@Suite(.serialized, .timeLimit(.minutes(1))) struct HTTPSideTests {
    private static let none: @Sendable (SocketRequest) async -> SocketUpgrade = { request in
        switch request.path {
        case "/secret": .refuse(.unauthorized, "say \"who\" you are", headers: [.wwwAuthenticate: "Bearer"])
        case "/a%20b": .accept { connection in try? await connection.send(text: connection.request.query ?? "-") }
        default: .notFound
        }
    }

    /// Sends bytes on a connection of their own and gives all that comes back until the server closes.
    private func exchange(_ text: String, port: Int) async throws -> String {
        try await RawClient.with(port: port) { client in
            try await client.send(text)
            return await client.rest()
        }
    }

    @Test func plainHTTPWorksAndKeepsTheConnection() async throws {
        try await withServer(shouldUpgrade: Self.none) { port, _ in
            try await RawClient.with(port: port) { client in
                try await client.send("GET /a%20b?c=%2F HTTP/1.1\r\nHost: x\r\n\r\n")
                #expect(await client.head().hasPrefix("HTTP/1.1 200 OK\r\n"))
                #expect(await client.text(18) == "GET /a%20b?c=%2F 0")
                try await client.send("POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc")
                _ = await client.head()
                #expect(await client.text(9) == "POST /p 3")
                // Two at once, the second the last.
                try await client.send(
                    "GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                let one = await client.head()
                #expect(!one.lowercased().contains("connection: close"))
                #expect(await client.text(8) == "GET /1 0")
                let two = await client.head()
                #expect(two.lowercased().contains("connection: close"))
                #expect(await client.rest() == "GET /2 0")
            }
        }
    }

    @Test func whatIsAtHandIsAnsweredOnTheEventLoopAndNothingElseIs() async throws {
        try await withServer(shouldUpgrade: Self.none) { port, _ in
            try await RawClient.with(port: port) { client in
                for path in ["/prompt", "/slow", "/prompt", "/prompt", "/slow"] {
                    try await client.send("GET \(path) HTTP/1.1\r\nHost: x\r\n\r\n")
                    let isPrompt = path == "/prompt"
                    #expect(await client.head().lowercased().contains("server: \(isPrompt)\r\n"))
                    let text = isPrompt ? "at once" : "GET /slow 0"
                    #expect(await client.text(text.utf8.count) == text)
                }
            }
        }
    }

    @Test func answersAtHandKeepTheOrderOfTheirRequests() async throws {
        try await withServer(shouldUpgrade: Self.none) { port, _ in
            try await RawClient.with(port: port) { client in
                let paths = ["/prompt", "/slow", "/prompt", "/slow", "/prompt"]
                try await client.send(paths.map { "GET \($0) HTTP/1.1\r\nHost: x\r\n\r\n" }.joined())
                // The first is at hand; those after the second wait for it, and are the responder's.
                for text in ["at once"] + paths.dropFirst().map({ "GET \($0) 0" }) {
                    #expect(await client.head().hasPrefix("HTTP/1.1 200 OK\r\n"))
                    #expect(await client.text(text.utf8.count) == text)
                }
            }
        }
    }

    @Test(arguments: ["Content-Length: 2\r\n\r\nab", "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"])
    func whatHasABodyIsNotAnsweredAtOnce(rest: String) async throws {
        try await withServer(shouldUpgrade: Self.none) { port, _ in
            try await RawClient.with(port: port) { client in
                try await client.send("POST /prompt HTTP/1.1\r\nHost: x\r\n\(rest)")
                #expect(await client.head().lowercased().contains("server: false\r\n"))
                #expect(await client.text(14) == "POST /prompt 2")
            }
        }
    }

    @Test func datesAreWrittenAsTheStandardWritesThem() {
        #expect(DateField.text(784_111_777) == "Sun, 06 Nov 1994 08:49:37 GMT")
    }

    @Test func aLastRequestForWhatIsAtHandEndsItsConnection() async throws {
        try await withServer(shouldUpgrade: Self.none) { port, _ in
            let answer = try await exchange(
                "GET /prompt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", port: port)
            #expect(answer.lowercased().contains("connection: close\r\n"))
            #expect(answer.hasSuffix("GET /prompt 0"))
        }
    }

    @Test func anExpectedContinueIsSent() async throws {
        try await withServer(shouldUpgrade: Self.none) { port, _ in
            try await RawClient.with(port: port) { client in
                try await client.send(
                    "POST /p HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
                #expect(await client.head() == "HTTP/1.1 100 Continue\r\n\r\n")
                try await client.send("ok")
                #expect(await client.head().hasPrefix("HTTP/1.1 200"))
                #expect(await client.text(9) == "POST /p 2")
            }
        }
    }

    @Test(arguments: ["h2c", "TLS/1.2", "irc/6.9, h2c", "\u{1F600}"])
    func foreignUpgradesAreAnsweredAsPlainHTTP(name: String) async throws {
        try await withServer(shouldUpgrade: Self.none) { port, _ in
            let answer = try await exchange(
                "POST /x HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: \(name)\r\n"
                    + "HTTP2-Settings: AAMAAABk\r\nContent-Length: 2\r\n\r\nhi", port: port)
            #expect(answer.hasPrefix("HTTP/1.1 200"))
            #expect(answer.hasSuffix("POST /x 2"))
        }
    }

    @Test func refusalsAreJSONAndCloseTheConnection() async throws {
        try await withServer(shouldUpgrade: Self.none) { port, _ in
            let secret = try await exchange(RawClient.upgradeRequest("/secret"), port: port)
            #expect(secret.hasPrefix("HTTP/1.1 401 "))
            #expect(secret.lowercased().contains("connection: close\r\n"))
            #expect(secret.lowercased().contains("www-authenticate: bearer\r\n"))
            #expect(secret.hasSuffix(#"{"detail":"say \"who\" you are"}"#))
            let unknown = try await exchange(RawClient.upgradeRequest("/other"), port: port)
            #expect(unknown.hasPrefix("HTTP/1.1 404 "))
        }
    }

    @Test func brokenHandshakesAreRefused() async throws {
        try await withServer(shouldUpgrade: Self.none) { port, _ in
            let good = RawClient.upgradeRequest("/a%20b")
            let cases: [(String, String)] = [
                (good.replacing("Version: 13", with: "Version: 12"), "426"),
                (good.replacing("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", with: ""), "400"),
                (good.replacing("dGhlIHNhbXBsZSBub25jZQ==", with: "x"), "400"),
                (good.replacing("GET", with: "PUT"), "400"),
                (RawClient.upgradeRequest("/a%20b", extra: "Content-Length: 4\r\n") + "body", "400"),
                (RawClient.upgradeRequest("/a%20b", extra: "Transfer-Encoding: chunked\r\n") + "0\r\n\r\n", "400"),
                ("\u{0}\u{1}garbage\r\n\r\n", "400"),
                ("GET / HTTP/9.9\r\n\r\n", "400"),
                ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "400"),
            ]
            for (request, status) in cases {
                let answer = try await exchange(request, port: port)
                #expect(answer.hasPrefix("HTTP/1.1 \(status) "), "\(request.prefix(80)): \(answer.prefix(80))")
            }
        }
    }

    @Test func aLaterUpgradeIsRefusedInItsTurn() async throws {
        try await withServer(shouldUpgrade: Self.none) { port, _ in
            let answer = try await exchange(
                "GET /1 HTTP/1.1\r\nHost: x\r\n\r\n" + RawClient.upgradeRequest("/a%20b"), port: port)
            #expect(answer.hasPrefix("HTTP/1.1 200"))
            let second = answer.dropFirst(8)
            #expect(second.contains("GET /1 0HTTP/1.1 426 "))
            #expect(second.lowercased().contains("connection: close\r\n"))
        }
    }

    @Test func pathAndQueryArriveAsSent() async throws {
        try await withServer(shouldUpgrade: Self.none) { port, _ in
            for target in ["/a%20b?stream=x%2Fy", "http://localhost:1/a%20b?stream=x%2Fy"] {
                try await RawClient.with(port: port) { client in
                    _ = try await client.open(target)
                    #expect(await client.frame()?.payload == Array("stream=x%2Fy".utf8))
                    #expect(await client.closeCode() == 1000)
                }
            }
        }
    }

    @Test func silentAndStalledConnectionsAreClosed() async throws {
        var configuration = SocketConfiguration()
        configuration.idleTimeout = .milliseconds(150)
        try await withServer(configuration, shouldUpgrade: Self.none) { port, _ in
            for request in ["", "GET / HT", String(RawClient.upgradeRequest().dropLast(1))] {
                let answer = try await exchange(request, port: port)
                #expect(answer == "")
            }
            let answer = try await exchange("GET /k HTTP/1.1\r\nHost: x\r\n\r\n", port: port)
            #expect(answer.hasSuffix("GET /k 0"))
        }
    }

    @Test func noiseNeverHangsTheServer() async throws {
        var configuration = SocketConfiguration()
        configuration.idleTimeout = .milliseconds(300)
        configuration.closeTimeout = .milliseconds(300)
        try await withServer(configuration, shouldUpgrade: Self.none) { port, _ in
            var random = SeededGenerator(seed: 5)
            let seeds = [
                RawClient.upgradeRequest("/a%20b"), RawClient.upgradeRequest("/secret"),
                "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
                "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            ].map { Array($0.utf8) }
            for round in 0..<200 {
                var bytes = seeds[round % seeds.count]
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
                }
                let message = bytes
                try await RawClient.with(port: port) { client in
                    try await client.send(message)
                    client.finishSending()
                    _ = await client.rest()
                }
            }
            print("handshake fuzz: 200 mutated requests, none hung")
            let answer = try await exchange("GET /k HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", port: port)
            #expect(answer.hasSuffix("GET /k 0"))
        }
    }
}
