import Foundation
import LachesisModel
import LachesisStore
import Synchronization
import Testing

@Suite struct GroupCommitTests {
    private let cell = try! BatteryName("cell")

    private func records(_ numbers: Range<Int>, of task: Int) -> RecordBatch {
        batch(numbers.map { [("task", .integer(Int64(task))), ("n", .integer(Int64($0)))] })
    }

    /// The numbers that a task has stored, in the order in which they are stored.
    private func numbers(_ rows: [[Value]], of task: Int) -> [Value] {
        rows.filter { $0[0] == .integer(Int64(task)) }.map { $0[1] }
    }

    @Test func whatManyTasksAppendIsStoredOnceInTheOrderOfEach() async throws {
        try await withFolder { folder in
            try await withStore(in: folder) { store in
                try await withThrowingTaskGroup { group in
                    for task in 0..<100 {
                        group.addTask {
                            for start in stride(from: 0, to: 20, by: 4) {
                                let outcome = try await store.append(
                                    records(start..<start + 4, of: task), to: cell, stream: nil)
                                #expect(outcome == AppendOutcome(stored: 4))
                            }
                        }
                    }
                    try await group.waitForAll()
                }
                #expect(store.stats(of: cell)?.rows == 2_000)
            }
            let rows = try await withStore(in: folder) { try await $0.rows(of: cell) }
            #expect(rows.count == 2_000)
            for task in 0..<100 { #expect(numbers(rows, of: task) == (0..<20).map { .integer($0) }) }
        }
    }

    @Test func tasksThatMakeBatteriesAndColumnsDoNotDisturbEachOther() async throws {
        try await withFolder { folder in
            let names = try (0..<10).map { try BatteryName("battery \($0)") }
            try await withStore(in: folder) { store in
                try await withThrowingTaskGroup { group in
                    for task in 0..<100 {
                        group.addTask {
                            let record: Record = [("n", 1), ("k\(task / 10)", .integer(Int64(task)))]
                            let outcome = try await store.append(batch([record]), to: names[task % 10], stream: nil)
                            #expect(outcome == AppendOutcome(stored: 1))
                        }
                        group.addTask { try await store.registerMetadata("\(task)", for: names[task % 10]) }
                    }
                    try await group.waitForAll()
                }
            }
            try await withStore(in: folder) { store in
                for (number, name) in names.enumerated() {
                    let rows = try await store.rows(of: name)
                    let columns = try store.columns(of: name)
                    #expect(Set(columns) == Set((0..<10).map { "k\($0) INTEGER" } + ["n INTEGER"]))
                    #expect(rows.count == 10)
                    let values = rows.flatMap { $0 }.filter { $0 != .null }
                    #expect(Set(values) == Set((0..<10).map { .integer($0 * 10 + Int64(number)) } + [1]))
                }
            }
        }
    }

    @Test func aBatchLargerThanATransactionIsStoredWhole() async throws {
        try await withStore { store in
            async let large = store.append(records(0..<40_000, of: 0), to: cell, stream: "large")
            async let small = store.append(records(0..<10, of: 1), to: cell, stream: "small")
            #expect(try await large == AppendOutcome(stored: 40_000, streamTotal: 40_000))
            #expect(try await small == AppendOutcome(stored: 10, streamTotal: 10))
            #expect(store.stats(of: cell)?.rows == 40_010)
            let rows = try await store.rows(of: cell)
            #expect(numbers(rows, of: 0) == (0..<40_000).map { .integer($0) })
        }
    }

    @Test func anAppendOfACancelledTaskIsDoneNevertheless() async throws {
        try await withStore { store in
            let appending = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                return try await store.append(records(0..<3, of: 0), to: cell, stream: nil)
            }
            let outcome = try await appending.value
            #expect(outcome == AppendOutcome(stored: 3))
            #expect(try await store.rows(of: cell).count == 3)
        }
    }

    @Test func whatWasAcknowledgedIsRead() async throws {
        try await withStore { store in
            try await withThrowingTaskGroup { group in
                for task in 0..<10 {
                    group.addTask {
                        for count in 1...20 {
                            _ = try await store.append(records(count - 1..<count, of: task), to: cell, stream: nil)
                            let rows = try await store.rows(of: cell)
                            #expect(numbers(rows, of: task).count == count)
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test func storedRecordsAreToldOfBeforeTheyAreAcknowledged() async throws {
        try await withStore { store in
            let last = Mutex<[BatteryName: Int64]>([:])
            store.onStored = { name, sequence in
                last.withLock {
                    #expect(sequence > $0[name] ?? 0)
                    $0[name] = sequence
                }
            }
            let other = try BatteryName("other")
            for number in 1...5 {
                _ = try await store.append(records(0..<number, of: 0), to: cell, stream: nil)
                #expect(last.withLock { $0[cell] } == Int64(number * (number + 1) / 2))
            }
            try await store.registerMetadata("{}", for: other)
            _ = try await store.register(other)
            _ = try await store.append(RecordBatch(), to: other, stream: "s")
            #expect(last.withLock { $0[other] } == nil)
        }
    }

    // MARK: Closing

    @Test func aClosedStoreRefusesEverythingButWhatItRemembers() async throws {
        try await withFolder { folder in
            let store = try Store.open(folder: folder, limits: Limits())
            try await store.store(["n": 1], to: cell)
            let estimator = try await store.register(cell)
            var reader = try store.data(of: cell)
            await store.close()
            await store.close()
            await expect(.closed) { try await store.append(batch(["n": 2]), to: cell, stream: nil) }
            await expect(.closed) { try await store.streamTotal("s", of: cell) }
            await expect(.closed) { try await store.registerMetadata("{}", for: cell) }
            await expect(.closed) { try await store.register(cell) }
            await expect(.closed) { try await store.commit(.rows([1], of: estimator, epoch: 1)) }
            await expect(.closed) { try await store.beginSession() }
            await expect(.closed) { try await store.registration(of: cell) }
            await expect(.closed) { try await store.metadata(of: cell) }
            await expect(.closed) { try await store.records(of: cell, after: 0, columns: [], limit: 1) }
            await expect(.closed) { try await reader.next() }
            #expect(store.stats(of: cell)?.rows == 1)
            #expect(store.estimators() == [estimator])
        }
    }

    @Test(arguments: 1...5) func whatIsUnderWayAtTheCloseIsStoredWholeOrRefused(_ round: Int) async throws {
        try await withFolder { folder in
            let store = try Store.open(folder: folder, limits: Limits())
            let (acknowledgements, acknowledged) = AsyncStream.makeStream(of: Void.self)
            // Fifty tasks append threes until they are refused, and say how many were taken.
            let stored = await withTaskGroup { group in
                for task in 0..<50 {
                    group.addTask { [cell] in
                        var count = 0
                        do {
                            while true {
                                let outcome = try await store.append(
                                    records(count..<count + 3, of: task), to: cell, stream: nil)
                                #expect(outcome == AppendOutcome(stored: 3))
                                count += 3
                                acknowledged.yield()
                            }
                        } catch {
                            #expect((error as? StoreError)?.code == .closed)
                        }
                        return (task, count)
                    }
                }
                var seen = 0
                for await _ in acknowledgements {
                    seen += 1
                    if seen == round * 30 { break }
                }
                async let again: Void = store.close()
                await store.close()
                await again
                return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
            }
            let rows = try await withStore(in: folder) { try await $0.rows(of: cell) }
            #expect(rows.count >= round * 90)
            #expect(rows.count == stored.values.reduce(0, +))
            for (task, count) in stored { #expect(numbers(rows, of: task) == (0..<Int64(count)).map { .integer($0) }) }
        }
    }

    @Test func readingUnderWayAtTheCloseEndsWellOrIsRefused() async throws {
        try await withFolder { folder in
            let store = try Store.open(folder: folder, limits: Limits())
            _ = try await store.append(records(0..<3_000, of: 0), to: cell, stream: nil)
            let (readings, read) = AsyncStream.makeStream(of: Void.self)
            await withTaskGroup { group in
                for _ in 0..<8 {
                    group.addTask { [cell] in
                        do {
                            while true {
                                let rows = try await store.rows(of: cell)
                                #expect(rows.count == 3_000)
                                read.yield()
                            }
                        } catch {
                            #expect((error as? StoreError)?.code == .closed)
                        }
                    }
                }
                for await _ in readings { break }
                await store.close()
            }
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == ["lachesis.sqlite", "lock"])
            let rows = try await withStore(in: folder) { try await $0.rows(of: cell) }
            #expect(rows.count == 3_000)
        }
    }
}
