import Foundation
import LachesisWire
import Testing

@testable import LachesisHost

@Suite struct UsageTests {
    @Test func aRoundTakesAFewAtATimeAndEveryoneOnce() {
        var rounds = UsageRounds()
        let workers: [Epoch] = Array(1...40)
        #expect(rounds.due == nil && rounds.next(of: workers, now: .seconds(9)).isEmpty)
        rounds.started(now: .seconds(10))
        #expect(rounds.due == .seconds(11))
        #expect(rounds.next(of: workers, now: .seconds(10.5)).isEmpty)
        var (now, seen): (Duration, [Epoch]) = (.seconds(11), [])
        for _ in 0..<3 {
            let group = rounds.next(of: workers.shuffled(), now: now)
            #expect(group.count <= UsageRounds.group)
            seen += group
            // A new worker does not begin the round again.
            if seen.count < workers.count { rounds.started(now: now) }
            now = rounds.due ?? .zero
        }
        #expect(seen == workers)
        #expect(rounds.due == .seconds(11) + UsageRounds.interval)
    }

    @Test func withoutWorkersNothingIsDue() {
        var rounds = UsageRounds()
        rounds.started(now: .zero)
        #expect(rounds.next(of: [Epoch](), now: .seconds(2)).isEmpty && rounds.due == nil)
    }

    @Test func theKernelsWordsAreUnderstood() {
        let rollup = """
            55d0-7ffd ---p 00000000 00:00 0 [rollup]
            Rss:      9000 kB
            Shared_Clean: 4000 kB
            Private_Clean:   1000 kB
            Private_Dirty:   3000 kB
            Swap:      24 kB
            SwapPss:   20 kB
            """
        #expect(ProcessUsage.privateBytes(rollup) == 4024 << 10)
        #expect(ProcessUsage.privateBytes("Rss: 1 kB") == nil)
        #expect(ProcessUsage.unsharedBytes("900 500 200 1 0 300 0\n") == 300 * Int(getpagesize()))
    }

    @Test func thisProcessTakesSomething() throws {
        let usage = try #require(ProcessUsage(of: getpid()))
        #expect(usage.memoryBytes > 1 << 20 && usage.cpuSeconds > 0)
        #expect(ProcessUsage(of: Int32.max) == nil)
    }
}
