import LachesisWire
import Testing

@testable import LachesisHost

@Suite struct AnswerAuditTests {
    private func audit(outstanding: Int, states: Int = 2) throws -> AnswerAudit {
        var audit = AnswerAudit(checkpointBytes: 5_000)
        try audit.ready(Payloads.ready(states: states))
        if outstanding > 0 { try audit.delivered(batch: Payloads.batch(outstanding)) }
        return audit
    }

    @Test(arguments: [1, 2, 3, 12, 900])
    func readyTellsTheNumberOfStates(states: Int) throws {
        var audit = try audit(outstanding: 1, states: states)
        try audit.result(Payloads.result(1, stepped: 1, states: states))
    }

    @Test func resultsMayComeInParts() throws {
        var audit = try audit(outstanding: 10)
        try audit.result(Payloads.result(3, stepped: 2, errors: ["it raised", String(repeating: "x", count: 4000)]))
        #expect(audit.outstanding == 7)
        try audit.result(Payloads.result(7))
        #expect(audit.outstanding == 0)
    }

    @Test func answersThatFitNothingAreRefused() throws {
        let wrong = [
            Payloads.result(0), Payloads.result(11), Payloads.result(3, stepped: 4),
            Payloads.result(3, stepped: 1, states: 3),
            Payloads.result(3, excess: 1), Payloads.result(3, stepped: 3, excess: 8),
            Payloads.result(1, errors: [String(repeating: "x", count: 4001)]),
            Payloads.result(3, errors: [String](repeating: "x", count: 17)),
            Array(Payloads.result(3, stepped: 3).dropLast()), [1, 0, 0, 0], [],
        ]
        for payload in wrong {
            var audit = try audit(outstanding: 10)
            #expect(throws: WireError.self) { try audit.result(payload) }
            #expect(audit.outstanding == 10)
        }
    }

    @Test func aCheckpointIsOwedOnceItIsAskedForAndNotWithout() throws {
        var audit = try audit(outstanding: 2)
        #expect(throws: WireError.self) { try audit.result(Payloads.result(2, checkpoint: 10)) }
        try audit.delivered(batch: Payloads.batch(0, flags: 1))
        try audit.result(Payloads.result(2, stepped: 2))
        #expect(audit.outstanding == 0 && audit.owesAnswer)
        #expect(throws: WireError.self) { try audit.result(Payloads.result(0)) }
        #expect(throws: WireError.self) { try audit.result(Payloads.result(0, checkpoint: 5_002)) }
        #expect(throws: WireError.self) { try audit.result(Payloads.result(0, excess: 1, checkpoint: 10)) }
        try audit.result(Payloads.result(0, checkpoint: 5_001))
        #expect(!audit.owesAnswer)
    }

    @Test func noticesOfLevelsThatFallAreTakenWhileAnAnswerIsOwed() throws {
        var audit = try audit(outstanding: 2)
        try audit.notice(Payloads.notice("shortcuts"))
        try audit.result(Payloads.result(1))
        #expect(throws: WireError.self) { try audit.notice(Payloads.notice("full")) }
        #expect(throws: WireError.self) { try audit.notice(Payloads.notice("shortcuts")) }
        try audit.notice(Payloads.notice("off", reason: String(repeating: "x", count: 4_000)))
        #expect(throws: WireError.self) { try audit.notice(Payloads.notice("off")) }
        #expect(audit.outstanding == 1, "a notice answers nothing")
        var quiet = try self.audit(outstanding: 1)
        try quiet.result(Payloads.result(1))
        #expect(throws: WireError.self) { try quiet.notice(Payloads.notice("off")) }
    }

    @Test func whatIsNoNoticeIsRefused() throws {
        let wrong: [[UInt8]] = [
            [], Array("{}".utf8), [0xff], Payloads.notice("none"), Payloads.notice("full"),
            Payloads.notice("off", reason: ""), Payloads.notice("off", reason: String(repeating: "x", count: 4_001)),
            Payloads.notice("off") + [UInt8](repeating: 32, count: 30_000),
            Array(#"{"acceleration": null, "reason": "x"}"#.utf8), Array(#"{"acceleration": "off"}"#.utf8),
            Array(#"{"acceleration": "off", "reason": 5}"#.utf8), [UInt8](repeating: 91, count: 20_000),
        ]
        for payload in wrong {
            var audit = try audit(outstanding: 1)
            #expect(throws: WireError.self) { try audit.notice(payload) }
            try audit.notice(Payloads.notice("shortcuts"))
        }
    }

    @Test func readyThatFitsNoNumberOfStatesIsRefused() {
        let wrong: [[UInt8]] = [
            Payloads.ready(states: 0), Payloads.ready() + [0], Payloads.ready().dropLast(8), [255, 255, 255, 255], [],
        ]
        for payload in wrong {
            var audit = AnswerAudit(checkpointBytes: 5_000)
            #expect(throws: WireError.self) { try audit.ready(payload) }
        }
    }

    @Test func aBatchMustBeOne() throws {
        for payload in [
            Payloads.batch(0), Payloads.batch(257), Payloads.batch(257, flags: 1), Payloads.batch(1, flags: 2),
            Payloads.batch(2) + [0], [],
        ] {
            var audit = AnswerAudit(checkpointBytes: 5_000)
            #expect(throws: WireError.self) { try audit.delivered(batch: payload) }
        }
    }
}
