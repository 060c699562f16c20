import TestSupport
import Testing

@testable import LachesisHost

@Suite struct OutputTailTests {
    @Test func shortOutputIsKeptWhole() {
        var tail = OutputTail(capacity: 10)
        tail.append(Array("abc".utf8))
        tail.append(Array("defghij".utf8))
        #expect(tail.text == "abcdefghij")
    }

    @Test func onlyTheEndIsKeptAndItSaysHowMuchIsMissing() {
        var tail = OutputTail(capacity: 4)
        tail.append(Array("abcdefg".utf8))
        tail.append(Array("hi".utf8))
        #expect(tail.text == "[5 bytes before this are not kept]\nfghi")
    }

    @Test func aCharacterCutInTwoIsLeftOut() {
        var tail = OutputTail(capacity: 4)
        tail.append(Array("xx€ab".utf8))
        #expect(tail.text == "[5 bytes before this are not kept]\nab")
    }

    @Test func bytesThatAreNoTextAreShownAsSuch() {
        var tail = OutputTail()
        tail.append([65, 255, 66])
        #expect(tail.text == "A\u{FFFD}B")
    }

    @Test(arguments: 0..<20)
    func anySequenceOfWritesKeepsTheSameEnd(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        var tail = OutputTail(capacity: 50)
        var all: [UInt8] = []
        for _ in 0..<100 {
            let more = (0..<Int.random(in: 0...120, using: &random)).map { _ in
                UInt8.random(in: 97...122, using: &random)
            }
            tail.append(more)
            all += more
        }
        #expect(
            tail.text == "[\(all.count - 50) bytes before this are not kept]\n"
                + String(decoding: all.suffix(50), as: UTF8.self))
    }
}
