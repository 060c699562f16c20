import LachesisWire
import TestSupport
import Testing

@testable import LachesisHost

@Suite struct MessageRoomTests {
    /// Room for two of the largest messages and a half.
    private let room = MessageRoom(capacity: 250, largest: 100, time: .seconds(10))

    @Test func whatFitsHasRoomAtOnce() {
        var room = room
        #expect(room.ask(1, 100, now: .zero) == true)
        #expect(room.ask(2, 50, now: .zero) == true)
        #expect(!room.isScarce && room.taken == 150)
        #expect(room.ask(1, 100, now: .zero) == true, "it has it already")
        #expect(room.taken == 150)
    }

    @Test func whatDoesNotFitWaitsInOrder() {
        var room = room
        #expect(room.ask(1, 100, now: .zero) == true)
        #expect(room.ask(2, 100, now: .zero) == true)
        #expect(room.isScarce)
        #expect(room.ask(3, 100, now: .zero) == false)
        #expect(room.ask(4, 10, now: .zero) == false, "a small one does not pass")
        #expect(room.ask(3, 100, now: .zero) == false, "asking again is no second place")
        #expect(room.taken == 200)
        #expect(room.leave(1, now: .seconds(1)) == [3, 4])
        #expect(room.taken == 210)
        #expect(room.leave(3, now: .seconds(1)) == [] && room.taken == 110)
    }

    @Test func whoWaitsAndGoesMakesWay() {
        var room = room
        for epoch: Epoch in 1...2 { #expect(room.ask(epoch, 100, now: .zero) == true) }
        #expect(room.ask(3, 100, now: .zero) == false)
        #expect(room.ask(4, 50, now: .zero) == false)
        #expect(room.leave(3, now: .zero) == [4])
        #expect(room.leave(99, now: .zero) == [], "nobody knows it")
    }

    @Test func aMessageHasItsTimeFromWhenItHasRoom() {
        var room = room
        #expect(room.deadline == nil)
        #expect(room.ask(1, 100, now: .zero) == true)
        #expect(room.ask(2, 100, now: .seconds(3)) == true)
        #expect(room.ask(3, 100, now: .seconds(3)) == false)
        #expect(room.deadline == .seconds(10))
        #expect(room.overdue(now: .milliseconds(9_999)) == [])
        #expect(room.overdue(now: .seconds(10)) == [1])
        #expect(room.leave(1, now: .seconds(10)) == [3])
        #expect(room.overdue(now: .seconds(13)) == [2])
        _ = room.leave(2, now: .seconds(13))
        #expect(room.deadline == .seconds(20))
    }

    /// Workers that begin, go on, drip, or go, in any order.
    @Test(arguments: 0..<100)
    func theBoundHoldsAndEverybodyGetsRoom(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        var room = room
        var now = Duration.zero
        /// Bytes and whether they have room, of those who have asked.
        var known: [Epoch: (bytes: Int, isIn: Bool)] = [:]
        var waiting: [Epoch] = []
        func note(_ admitted: [Epoch]) {
            #expect(admitted == Array(waiting.prefix(admitted.count)), "in the order of asking")
            waiting.removeFirst(admitted.count)
            for epoch in admitted { known[epoch]?.isIn = true }
        }
        func go(_ epoch: Epoch) {
            known[epoch] = nil
            waiting.removeAll { $0 == epoch }
            note(room.leave(epoch, now: now))
        }
        for _ in 0..<400 {
            now += .milliseconds(Int.random(in: 0...2_000, using: &random))
            let epoch = Epoch.random(in: 1...12, using: &random)
            if known[epoch] == nil {
                let bytes = Int.random(in: 1...100, using: &random)
                let isIn = room.ask(epoch, bytes, now: now)
                known[epoch] = (bytes, isIn)
                if !isIn { waiting.append(epoch) }
            } else if Int.random(in: 0..<3, using: &random) == 0 {
                go(epoch)
            }
            for epoch in room.overdue(now: now) { go(epoch) }
            #expect(room.taken == known.values.filter(\.isIn).map(\.bytes).reduce(0, +))
            #expect(room.taken <= 250)
            if let first = waiting.first, let bytes = known[first]?.bytes {
                #expect(bytes > 250 - room.taken, "nobody waits for room that is there")
            }
        }
        // Whoever is in goes, in time if not before: then all others get in.
        while !waiting.isEmpty {
            now += .seconds(10)
            let overdue = room.overdue(now: now)
            #expect(!overdue.isEmpty)
            for epoch in overdue { go(epoch) }
        }
    }
}
