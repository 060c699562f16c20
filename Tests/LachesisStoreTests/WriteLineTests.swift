import LachesisModel
import Synchronization
import TestSupport
import Testing

@testable import LachesisStore

@Suite struct WriteLineTests {
    private func line(_ jobs: [(weight: Int, battery: String?)]) -> WriteLine {
        var line = WriteLine()
        for job in jobs {
            line.append(WriteJob(weight: job.weight, battery: job.battery, run: { _ in {} }, fail: { _ in }))
        }
        return line
    }

    private func weights(_ jobs: [WriteJob]) -> [Int] { jobs.map(\.weight) }

    @Test func jobsThatFitIntoOneTransactionAreDoneInTheirOrder() {
        var line = line([(1, "a"), (30, "b"), (2, nil), (3, "a")])
        #expect(weights(line.next()) == [1, 30, 2, 3] && line.isEmpty)
        #expect(line.next().isEmpty)
    }

    @Test func lightJobsPassTheHeavyOnesOfOthers() {
        var line = line([(3_000, "a"), (3_001, "b"), (1, "c"), (3_002, "d"), (2, "e")])
        #expect(weights(line.next()) == [1, 2, 3_000])
        #expect(weights(line.next()) == [3_001, 3_002])
    }

    @Test func ofOneBatteryNoJobPassesAnother() {
        var line = line([(3_000, "a"), (1, "a"), (2, "b"), (4_000, "b"), (3, "b"), (4, "c")])
        #expect(weights(line.next()) == [2, 4, 3_000, 1])
        #expect(weights(line.next()) == [4_000, 3])
    }

    @Test func whatIsNoBatterysPassesNothing() {
        var line = line([(3_000, "a"), (1, nil), (2, "b")])
        #expect(weights(line.next()) == [2, 3_000, 1])
    }

    @Test func aJobHeavierThanATransactionIsDoneNevertheless() {
        var line = line([(40_000, "a"), (20_000, "b"), (1, "c")])
        #expect(weights(line.next()) == [1, 40_000])
        #expect(weights(line.next()) == [20_000])
    }

    /// Whatever comes: all is done, of each battery in its order, and no transaction is heavier than it may be.
    @Test func aRandomLineKeepsTheRules() {
        var chance = SeededGenerator(seed: 11)
        for _ in 0..<300 {
            var jobs: [(weight: Int, battery: String?)] = []
            for number in 0..<Int.random(in: 1...40, using: &chance) {
                // The number of the job is its weight's last digits.
                let weight = 100 * [0, 0, 5, 40, 300].randomElement(using: &chance)! + number
                jobs.append((weight, ["a", "b", "c", "d", nil].randomElement(using: &chance)!))
            }
            var (line, done): (WriteLine, [WriteJob]) = (line(jobs), [])
            while !line.isEmpty {
                let taken = line.next()
                let light = taken.prefix { $0.weight <= WriteLine.lightWeight }
                let heavy = taken.dropFirst(light.count)
                #expect(!taken.isEmpty && light.map(\.weight).reduce(0, +) <= WriteLine.transactionWeight)
                #expect(heavy.count <= 1 || heavy.map(\.weight).reduce(0, +) <= WriteLine.transactionWeight)
                done += taken
            }
            #expect(Set(done.map { $0.weight % 100 }) == Set(0..<jobs.count) && done.count == jobs.count)
            for battery in ["a", "b", "c", "d"] {
                #expect(
                    done.filter { $0.battery == battery }.map(\.weight)
                        == jobs.filter { $0.battery == battery }.map(\.weight))
            }
        }
    }

    @Test func aLiveRecordIsStoredBeforeWhatOthersUploadInBulk() async throws {
        let (bulk, live) = (try BatteryName("bulk"), try BatteryName("live"))
        try await withStore { store in
            let stored = Mutex<[String]>([])
            store.onStored = { battery, _ in stored.withLock { $0.append(battery.text) } }
            let many = batch((0..<10_000).map { [("n", .integer(Int64($0)))] })
            try await withThrowingTaskGroup { group in
                try await holdingTheWriter(of: store) {
                    for number in 1...5 {
                        group.addTask { _ = try await store.append(many, to: bulk, stream: nil) }
                        while store.queue.waitingCount < number { try await Task.sleep(for: .milliseconds(1)) }
                    }
                    group.addTask { try await store.store(["n": 1], to: live) }
                    while store.queue.waitingCount < 6 { try await Task.sleep(for: .milliseconds(1)) }
                }
                try await group.waitForAll()
            }
            // The transaction that the writer had not begun with takes it.
            #expect(stored.withLock { $0.prefix(2).contains("live") })
            #expect(store.stats(of: bulk)?.rows == 50_000)
        }
    }
}
