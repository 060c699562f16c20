import TestSupport
import Testing

@testable import LachesisFleet

@Suite struct TurnstileLineTests {
    private func line(places: Int = 4, waiting: Int = 100, waitingOfCaller: Int = 10) -> TurnstileLine {
        var configuration = TurnstileLine.Configuration(places: places)
        (configuration.waiting, configuration.waitingOfCaller) = (waiting, waitingOfCaller)
        return TurnstileLine(configuration)
    }

    @Test func aCallerHasHalfThePlacesAndOthersPassItsLine() {
        var line = line()
        let first = (1...4).map { line.arrive($0, of: 1) }
        #expect(first == [.goes, .goes, .waits, .waits])
        let second = (5...7).map { line.arrive($0, of: 2) }
        #expect(second == [.goes, .goes, .waits])
    }

    @Test func aCallersOwnTasksGoInTheOrderOfTheirArrival() {
        var line = line()
        for ticket in 1...6 { _ = line.arrive(UInt64(ticket), of: 1) }
        let gone = (0..<4).map { _ in line.leave(1) }
        #expect(gone == [3, 4, 5, 6])
        let rest = [line.leave(1), line.leave(1)]
        #expect(rest == [nil, nil] && line.callers == 0)
    }

    @Test func whoHasFewestPlacesIsNextThenWhoWaitsLongest() {
        var line = line()
        for ticket in 1...4 { _ = line.arrive(UInt64(ticket), of: 1) }
        for ticket in 5...8 { _ = line.arrive(UInt64(ticket), of: 2) }
        let late = [line.arrive(9, of: 3), line.arrive(10, of: 4)]
        #expect(late == [.waits, .waits])
        // 1 and 2 came before, but have places.
        let turns = [line.leave(1), line.leave(2), line.leave(1), line.leave(2)]
        #expect(turns == [9, 10, 3, 7])
    }

    @Test func thoseWhoAreNotToldApartMayHaveEveryPlace() {
        var line = line(waiting: 12)
        let arrivals = (1...17).map { line.arrive($0, of: nil) }
        #expect(arrivals[..<4].allSatisfy { $0 == .goes })
        #expect(arrivals[4..<16].allSatisfy { $0 == .waits })
        #expect(arrivals[16] == .isRefused(.lineIsFull))
    }

    @Test func waitingIsBoundedForEachAndForAll() {
        var line = line(waiting: 3, waitingOfCaller: 2)
        let mine = (1...5).map { line.arrive($0, of: 1) }
        #expect(mine == [.goes, .goes, .waits, .waits, .isRefused(.callerIsFull)])
        let others = (6...9).map { line.arrive($0, of: 2) }
        #expect(others == [.goes, .goes, .waits, .isRefused(.lineIsFull)])
    }

    @Test func whoLeavesTheLineMakesRoomInIt() {
        var line = line(waiting: 2, waitingOfCaller: 2)
        for ticket in 1...4 { _ = line.arrive(UInt64(ticket), of: 1) }
        let wasThere = [line.abandon(3, of: 1), line.abandon(3, of: 1), line.abandon(1, of: 1), line.abandon(9, of: 9)]
        #expect(wasThere == [true, false, false, false])
        let again = line.arrive(5, of: 1)
        #expect(again == .waits)
        let turns = [line.leave(1), line.leave(1), line.leave(1), line.leave(1)]
        #expect(turns == [4, 5, nil, nil] && line.callers == 0 && line.waiting == 0)
    }

    /// Against what must always hold, with callers that come, give up and go at random.
    @Test(arguments: 1...20) func nobodyIsForgottenAndNoBoundIsBroken(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var line = line(places: 3, waiting: 8, waitingOfCaller: 4)
        var (inside, waiting): ([Int64?], [(ticket: UInt64, caller: Int64?)]) = ([], [])
        func check() {
            let callers: [Int64?] = [nil, 1, 2, 3]
            for caller in callers {
                let (mine, limit) = (inside.count { $0 == caller }, caller == nil ? 3 : 1)
                #expect(mine <= limit)
                let isKept = inside.count == 3 || mine == limit
                #expect(
                    isKept || !waiting.contains { $0.caller == caller },
                    "a place is free and one of \(String(describing: caller)) waits")
            }
            #expect(inside.count <= 3 && waiting.count <= 8 && line.waiting == waiting.count)
            #expect(line.callers == Set(inside + waiting.map(\.caller)).count)
        }
        for ticket in UInt64(1)...2_000 {
            switch Int.random(in: 0..<5, using: &random) {
            case 0, 1:
                let caller = [Int64?.none, 1, 2, 3].randomElement(using: &random) ?? nil
                switch line.arrive(ticket, of: caller) {
                case .goes: inside.append(caller)
                case .waits: waiting.append((ticket, caller))
                case .isRefused: #expect(waiting.count >= 4)
                }
            case 2, 3:
                guard let index = inside.indices.randomElement(using: &random) else { continue }
                guard let next = line.leave(inside.remove(at: index)) else { break }
                guard let place = waiting.firstIndex(where: { $0.ticket == next }) else {
                    Issue.record("\(next) went in and did not wait")
                    return
                }
                let caller = waiting.remove(at: place).caller
                #expect(!waiting[..<place].contains { $0.caller == caller }, "it overtook one of its own")
                inside.append(caller)
            default:
                guard let index = waiting.indices.randomElement(using: &random) else { continue }
                let one = waiting.remove(at: index)
                let wasThere = line.abandon(one.ticket, of: one.caller)
                #expect(wasThere)
            }
            check()
        }
    }
}

@Suite(.timeLimit(.minutes(1))) struct TurnstileTests {
    @Test func noMoreThanItsPlacesAreInside() async throws {
        let turnstile = Turnstile(TurnstileLine.Configuration(places: 2))
        let counter = Counter()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<20 {
                group.addTask {
                    try await turnstile.pass(as: nil) {
                        await counter.enter()
                        await Task.yield()
                        await counter.leave()
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(await counter.most <= 2)
        #expect(await counter.passed == 20)
    }

    private actor Counter {
        private var inside = 0
        private(set) var most = 0
        private(set) var passed = 0

        func enter() {
            inside += 1
            most = max(most, inside)
        }

        func leave() {
            inside -= 1
            passed += 1
        }
    }

    @Test func whoIsCancelledLeavesTheLineAndTheNextOneGoes() async throws {
        let turnstile = Turnstile(TurnstileLine.Configuration(places: 1))
        try await turnstile.enter(as: 1)
        await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await turnstile.enter(as: 2) }
            group.cancelAll()
            await #expect(throws: CancellationError.self) { try await group.next() }
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await turnstile.pass(as: 3) {} }
            turnstile.leave(as: 1)
            try await group.waitForAll()
        }
    }

    @Test func whoseLineIsFullIsTold() async throws {
        var configuration = TurnstileLine.Configuration(places: 1)
        configuration.waiting = 0
        let turnstile = Turnstile(configuration)
        try await turnstile.pass(as: 1) {
            _ = await #expect(throws: TurnstileLine.Refusal.lineIsFull) { try await turnstile.pass(as: 2) {} }
        }
        try await turnstile.pass(as: 2) {}
    }
}
