import NIOCore
import Testing

@testable import LachesisSocket

@Suite(.serialized, .timeLimit(.minutes(1))) struct PeerLimitTests {
    private func network(_ address: String) throws -> PeerNetwork {
        PeerNetwork(try SocketAddress(ipAddress: address, port: 1))
    }

    @Test(arguments: ["127.0.0.1", "127.255.3.4", "::1", "::ffff:127.0.0.1", "::ffff:127.9.9.9"])
    func loopbackIsOneByWhateverAddress(address: String) throws {
        #expect(try network(address) == .loopback)
        #expect(PeerNetwork(nil) == .loopback)
    }

    @Test func addressesAreToldApartAsTheyAreGivenOut() throws {
        #expect(try network("192.0.2.1") == .v4(0xc000_0201))
        #expect(try network("::ffff:192.0.2.1") == network("192.0.2.1"))
        #expect(try network("192.0.2.1") != network("192.0.2.2"))
        #expect(try network("2001:db8:1:2::1") == .v6(0x2001_0db8_0001_0002))
        #expect(try network("2001:db8:1:2::1") == network("2001:db8:1:2:ffff:ffff:ffff:ffff"))
        #expect(try network("2001:db8:1:2::1") != network("2001:db8:1:3::1"))
        #expect(try network("126.0.0.1") == .v4(0x7e00_0001))
        // Neither mapped addresses nor loopback, though they look alike.
        #expect(try network("::2") == .v6(0) && network("::fffe:127.0.0.1") == .v6(0))
    }

    @Test func aPeerHasItsBoundAndOthersTheRest() throws {
        var places = ConnectionPlaces(total: 5, perPeer: 2, countsLoopback: false)
        let (mine, other) = (try network("192.0.2.1"), try network("2001:db8::1"))
        let answers = [mine, mine, mine, other, other, other, .loopback, .loopback].map { places.enter($0) }
        #expect(answers == [nil, nil, .peerIsFull, nil, nil, .peerIsFull, nil, .full])
        places.leave(mine)
        let again = [places.enter(mine), places.enter(mine)]
        #expect(again == [nil, .full])
        for peer in [mine, mine, other, other, .loopback] { places.leave(peer) }
        #expect(places.peersCount == 0)
    }

    @Test func loopbackIsBoundedByTheWholeUnlessItIsToCount() {
        var exempt = ConnectionPlaces(total: 3, perPeer: 1, countsLoopback: false)
        var counted = ConnectionPlaces(total: 3, perPeer: 1, countsLoopback: true)
        let answers = (0..<4).map { _ in (exempt.enter(.loopback), counted.enter(.loopback)) }
        #expect(answers.map(\.0) == [nil, nil, nil, .full])
        #expect(answers.map(\.1) == [nil, .peerIsFull, .peerIsFull, .peerIsFull])
        #expect(exempt.peersCount == 0)
    }

    @Test(arguments: [(4_096, nil, 512), (8, nil, 8), (1, nil, 8), (80, nil, 10), (4_096, 3, 3)])
    func byDefaultAPeerMayHaveAnEighth(total: Int, perPeer: Int?, expected: Int) {
        var configuration = SocketConfiguration()
        (configuration.maxConnections, configuration.maxConnectionsPerPeer) = (total, perPeer)
        #expect(configuration.connectionsPerPeer == expected)
    }

    @Test func refusalsAreToldOfNowAndThen() {
        let count = ConnectionCount(SocketConfiguration())
        let start = NIODeadline.uptimeNanoseconds(1_000_000_000)
        let told = [0, 1, 9, 10, 20].map { count.refusalsToTell(at: start + .seconds($0)) }
        #expect(told == [1, nil, nil, 3, 1])
    }

    @Test func aPeersFurtherConnectionsAreToldWhyAndPlacesComeFree() async throws {
        var configuration = SocketConfiguration()
        configuration.maxConnectionsPerPeer = 1
        configuration.countsLoopback = true
        let none: @Sendable (SocketRequest) async -> SocketUpgrade = { _ in .notFound }
        try await withServer(configuration, shouldUpgrade: none) { port, _ in
            try await RawClient.with(port: port) { client in
                try await client.send("GET /1 HTTP/1.1\r\nHost: x\r\n\r\n")
                #expect(await client.head().hasPrefix("HTTP/1.1 200"))
                for _ in 1...3 {
                    let further = try await RawClient.with(port: port) { client in await client.rest() }
                    #expect(further.hasPrefix("HTTP/1.1 429 ") && further.contains("retry-after: 5\r\n"))
                }
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

@Suite(.timeLimit(.minutes(1))) struct PeerDepartureTests {
    @Test func whatIsDoneForAPeerThatGoesIsCancelled() async throws {
        let departure = PeerDeparture()
        await #expect(throws: CancellationError.self) {
            try await departure.cancelling {
                departure.happened()
                try await Task.sleep(for: .seconds(1_000))
            }
        }
        #expect(departure.hasGone)
        await #expect(throws: CancellationError.self) {
            try await departure.cancelling { try await Task.sleep(for: .seconds(1_000)) }
        }
    }

    @Test func whatEndsBeforeThatIsNot() async throws {
        let departure = PeerDeparture()
        #expect(try await departure.cancelling { 7 } == 7)
        await #expect(throws: ChannelError.eof) {
            try await departure.cancelling { throw ChannelError.eof }
        }
        #expect(!departure.hasGone)
    }

    @Test func whatHasItsResultAllTheSameKeepsIt() async throws {
        let departure = PeerDeparture()
        let result = try await departure.cancelling {
            departure.happened()
            try? await Task.sleep(for: .seconds(1_000))
            return 7
        }
        #expect(result == 7)
    }
}
