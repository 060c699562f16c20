import Foundation
import LachesisWire
import Testing

@testable import LachesisHost

@Suite struct UsageTests {
    @Test func aRoundTakesOneAtATimeAndEveryoneOnce() {
        var rounds = UsageRounds()
        let workers: [Epoch] = Array(1...40)
        #expect(rounds.due == nil && rounds.next(of: workers, now: .seconds(9)) == nil)
        rounds.started(now: .seconds(10))
        #expect(rounds.due == .seconds(11))
        #expect(rounds.next(of: workers, now: .seconds(10.5)) == nil)
        var (now, seen): (Duration, [Epoch]) = (.seconds(11), [])
        while seen.count < workers.count, let epoch = rounds.next(of: workers.shuffled(), now: now) {
            seen.append(epoch)
            rounds.measured(.milliseconds(1), now: now)
            // A new worker does not begin the round again.
            if seen.count < workers.count {
                rounds.started(now: now)
                #expect(rounds.due == now + .milliseconds(100))
            }
            now = rounds.due ?? .zero
        }
        #expect(seen == workers)
        #expect(rounds.due == .seconds(11) + UsageRounds.interval)
    }

    @Test func measuringTakesAHundredthOfTheTimeHoweverManyThereAre() {
        var rounds = UsageRounds()
        let workers: [Epoch] = Array(1...1_000)
        rounds.started(now: .zero)
        var (now, busy) = (Duration.seconds(1), Duration.zero)
        while now < .seconds(600) {
            if rounds.next(of: workers, now: now) != nil {
                busy += .milliseconds(2)
                rounds.measured(.milliseconds(2), now: now)
            }
            now = rounds.due ?? .seconds(601)
        }
        #expect(busy > .seconds(5) && busy <= .seconds(6))
    }

    @Test func aRoundEndsWhereThoseWhoAreLeftHaveEnded() {
        var rounds = UsageRounds()
        rounds.started(now: .zero)
        #expect(rounds.next(of: [1, 2], now: .seconds(1)) == 1)
        rounds.measured(.milliseconds(1), now: .seconds(1))
        #expect(rounds.next(of: [1], now: .seconds(2)) == nil)
        #expect(rounds.due == .seconds(1) + UsageRounds.interval)
        #expect(rounds.next(of: [1], now: .seconds(6)) == 1)
    }

    @Test func withoutWorkersNothingIsDue() {
        var rounds = UsageRounds()
        rounds.started(now: .zero)
        #expect(rounds.next(of: [Epoch](), now: .seconds(2)) == nil && rounds.due == nil)
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
