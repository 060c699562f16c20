import LachesisModel
import LachesisWire
import TestSupport
import Testing

@testable import LachesisHost

@Suite struct ZygoteMessageTests {
    @Test(arguments: [ZygoteOrder.fork(7, .usual, folder: "/tmp/a b\n/ü"), .fork(.max, .usual, folder: ""), .kill(3)])
    func ordersAreReadAsWritten(order: ZygoteOrder) throws {
        #expect(try ZygoteOrder(decoding: order.encoded) == order)
    }

    @Test(arguments: [
        ZygoteAnswer.ready, .failed("ModuleNotFoundError: No module named 'x'"), .forked(7, pid: 123),
        .notForked(8, "fork: no memory"),
        .exited(9, status: -11), .exited(10, status: 255),
    ])
    func answersAreReadAsWritten(answer: ZygoteAnswer) throws {
        #expect(try ZygoteAnswer(decoding: answer.encoded) == answer)
    }

    @Test func anEndlessMessageIsCutSoThatItFitsAPacket() throws {
        let encoded = ZygoteAnswer.failed(String(repeating: "x", count: 1_000_000)).encoded
        #expect(encoded.count < ZygoteOrder.longest)
    }

    @Test(arguments: 0..<20)
    func garbageIsRefused(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        for _ in 0..<500 {
            var bytes = ZygoteAnswer.exited(9, status: 1).encoded
            bytes[Int.random(in: 0..<5, using: &random)] ^= UInt8.random(in: 1...255, using: &random)
            // Another kind may have the same form; what must not happen is a trap.
            _ = try? ZygoteAnswer(decoding: bytes)
            _ = try? ZygoteOrder(decoding: random.bytes(Int.random(in: 0...40, using: &random)))
        }
        #expect(throws: WireError.self) { try ZygoteAnswer(decoding: ZygoteAnswer.ready.encoded + [0]) }
        #expect(throws: WireError.self) { try ZygoteOrder(decoding: ZygoteAnswer.ready.encoded) }
    }
}

extension WorkerSpace {
    static let usual = WorkerSpace(WorkerLimits(ScriptLimits(), within: Limits()))
}
