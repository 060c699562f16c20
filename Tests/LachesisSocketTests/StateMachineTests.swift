import HTTPTypes
import NIOHTTP1
import Testing

@testable import LachesisSocket

@Suite struct CloseHandshakeTests {
    private let bye = SocketClose(code: 4000, reason: "bye")

    @Test func answerToThePeersCloseWaitsForTheHandler() {
        var handshake = CloseHandshake()
        #expect(handshake.inboundEnded(.closed(bye)) == [.endInbound(.closed(bye))])
        #expect(!handshake.hasSentClose)
        #expect(handshake.shutdown() == [])
        #expect(handshake.handlerReturned(nil) == [.send(SocketClose(code: 4000), then: .closeChannel)])
        #expect(handshake.handlerReturned(nil) == [])
    }

    @Test func aCodelessCloseIsAnsweredWith1000() {
        var handshake = CloseHandshake()
        _ = handshake.inboundEnded(.closed(nil))
        #expect(handshake.handlerReturned(nil) == [.send(SocketClose(code: 1000), then: .closeChannel)])
    }

    @Test func theHandlersChoiceGoesFirst() {
        for end in [SocketEnd.closed(nil), .refused(.normal), .lost] {
            var handshake = CloseHandshake()
            _ = handshake.inboundEnded(end)
            guard case .send(let close, _) = handshake.handlerReturned(bye).first else {
                Issue.record("none sent")
                continue
            }
            #expect(close == bye)
        }
    }

    @Test func aHandlerThatReturnsFirstWaitsForThePeer() {
        var handshake = CloseHandshake()
        #expect(handshake.handlerReturned(nil) == [.send(.normal, then: .waitForPeer)])
        #expect(handshake.inboundEnded(.closed(nil)) == [.endInbound(.closed(nil)), .closeChannel])
    }

    @Test func aViolationIsAnsweredOnceTheHandlerHasReturned() {
        var handshake = CloseHandshake()
        let violation = SocketClose(code: 1002)
        #expect(handshake.inboundEnded(.refused(violation)) == [.endInbound(.refused(violation))])
        #expect(handshake.handlerReturned(nil) == [.send(violation, then: .closeOutput)])
        #expect(handshake.inboundEnded(.lost) == [.closeChannel])
    }

    @Test func shutdownGoesOnReadingUntilThePeerAnswers() {
        var handshake = CloseHandshake()
        #expect(handshake.shutdown() == [.send(.goingAway, then: .waitForPeer)])
        #expect(handshake.shutdown() == [])
        #expect(handshake.inboundEnded(.closed(nil)) == [.endInbound(.closed(nil))])
        #expect(handshake.handlerReturned(nil) == [.closeChannel])
    }

    @Test func shutdownIsBounded() {
        var handshake = CloseHandshake()
        _ = handshake.shutdown()
        #expect(handshake.handlerReturned(bye) == [])
        #expect(handshake.deadlinePassed() == [.endInbound(.lost), .closeChannel])
        #expect(handshake.hasSentClose)
    }

    @Test func aLostPeerGetsNoFrame() {
        var handshake = CloseHandshake()
        #expect(handshake.inboundEnded(.lost) == [.endInbound(.lost)])
        #expect(handshake.handlerReturned(nil) == [.closeChannel])
    }
}

@Suite struct LivenessTests {
    @Test func silenceIsPingedThenGivenUp() {
        var liveness = Liveness()
        #expect(liveness.intervalPassed(isPaused: false) == .nothing)
        #expect(liveness.intervalPassed(isPaused: false) == .ping)
        #expect(liveness.intervalPassed(isPaused: false) == .giveUp)
    }

    @Test func anyByteOrOurOwnPauseKeepsItAlive() {
        var liveness = Liveness()
        _ = liveness.intervalPassed(isPaused: false)
        #expect(liveness.intervalPassed(isPaused: false) == .ping)
        liveness.received()
        #expect(liveness.intervalPassed(isPaused: false) == .nothing)
        #expect(liveness.intervalPassed(isPaused: true) == .nothing)
        #expect(liveness.intervalPassed(isPaused: false) == .ping)
    }
}

@Suite struct UpgradeCheckTests {
    private let good: [(String, String)] = [
        ("Host", "a"), ("Upgrade", "WebSocket"), ("Connection", "keep-alive, Upgrade"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="), ("Sec-WebSocket-Version", "13"),
    ]

    private func check(
        _ fields: [(String, String)], method: HTTPMethod = .GET, version: HTTPVersion = .http1_1, isFirst: Bool = true
    ) -> UpgradeCheck {
        UpgradeCheck.check(
            HTTPRequestHead(version: version, method: method, uri: "/x", headers: HTTPHeaders(fields)), isFirst: isFirst
        )
    }

    private func status(_ check: UpgradeCheck) -> Int? {
        guard case .refuse(let refusal) = check else { return nil }
        return refusal.status.code
    }

    private func replacing(_ name: String, _ value: String?) -> [(String, String)] {
        good.filter { $0.0 != name } + (value.map { [(name, $0)] } ?? [])
    }

    @Test func aGoodRequestIsASocket() {
        guard case .socket = check(good) else {
            Issue.record("refused")
            return
        }
        guard case .socket = check(good + [("Content-Length", "0")]) else {
            Issue.record("refused")
            return
        }
    }

    @Test func badRequestsAreRefusedWithTheRightStatus() {
        #expect(status(check(replacing("Sec-WebSocket-Version", "8"))) == 426)
        #expect(status(check(replacing("Sec-WebSocket-Version", nil))) == 426)
        #expect(status(check(replacing("Sec-WebSocket-Key", nil))) == 400)
        #expect(status(check(replacing("Sec-WebSocket-Key", "short"))) == 400)
        #expect(status(check(good + [("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")])) == 400)
        #expect(status(check(good, method: .POST)) == 400)
        #expect(status(check(good, version: .http1_0)) == 400)
        #expect(status(check(good + [("Content-Length", "3")])) == 400)
        #expect(status(check(good + [("Transfer-Encoding", "chunked")])) == 400)
    }

    @Test func foreignUpgradesBecomePlainHTTP() {
        for fields in [
            [("Upgrade", "h2c"), ("Connection", "Upgrade, HTTP2-Settings"), ("HTTP2-Settings", "AA")],
            [("Upgrade", "TLS/1.0, foo"), ("Connection", "upgrade")],
            [("Upgrade", "websocket")],
        ] {
            guard case .http(let head) = check(fields) else {
                Issue.record("not plain")
                continue
            }
            #expect(!head.headers.contains(name: "upgrade"))
            #expect(!head.headers.contains(name: "http2-settings"))
            #expect(head.headers["connection"] == ["close"])
        }
        guard case .http(let head) = check([("Host", "a")]) else {
            Issue.record("not plain")
            return
        }
        #expect(!head.headers.contains(name: "connection"))
    }

    @Test func aLaterSocketRequestIsLeftToTheResponder() {
        guard case .http(let head) = check(good, isFirst: false) else {
            Issue.record("not plain")
            return
        }
        #expect(head.headers["connection"] == ["close"])
        #expect(head.headers.contains(name: "upgrade"))
    }

    @Test func refusalsAreValidJSON() {
        let refusal = SocketRefusal(status: .notFound, detail: "a \"b\" \\ \u{1}\né")
        #expect(refusal.body == #"{"detail":"a \"b\" \\ \u0001\u000aé"}"#)
    }

    @Test func onlyTheLastResponseAnnouncesTheClose() {
        var exchanges = HTTPExchanges()
        exchanges.requestBegan(isLast: false, isHead: false)
        exchanges.requestBegan(isLast: true, isHead: true)
        #expect(!exchanges.mustAnnounceClose && !exchanges.answersHead)
        exchanges.responseEnded()
        #expect(exchanges.mustAnnounceClose && exchanges.answersHead)
        exchanges.responseEnded()
        #expect(exchanges.isIdle)
    }
}
