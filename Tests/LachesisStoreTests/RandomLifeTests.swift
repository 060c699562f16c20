import LachesisModel
import LachesisStore
import TestSupport
import Testing

/// Random lives of batteries: made, fed, estimated, registered again, deleted and made again, with the store closed and opened
/// between, against a model in memory.
@Suite struct RandomLifeTests {
    private struct Model {
        /// nil as long as there is no record.
        var numbers: [Int64] = []
        var exists = false
        var stream: Int64 = 0
        var estimator: RegisteredEstimator?
        /// In the order of writing.
        var checkpoints: [Checkpoint] = []
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64]) func aStoreHoldsWhatAModelHolds(seed: UInt64) async throws {
        print("RandomLifeTests: seed \(seed)")
        var random = SeededGenerator(seed: seed)
        let names = try ["a", "B", "ä"].map { try BatteryName($0) }
        var models = names.map { _ in Model() }
        var stale: [EstimateCommit] = []
        var epoch: UInt64 = 0
        try await withFolder { folder in
            for _ in 0..<12 {
                try await withStore(in: folder) { store in
                    for _ in 0..<Int.random(in: 1...40, using: &random) {
                        let place = Int.random(in: names.indices, using: &random)
                        epoch += 1
                        try await step(store, names[place], &models[place], &stale, epoch, &random)
                        for late in stale { #expect(try await store.commit(late) == false) }
                    }
                    for (name, model) in zip(names, models) { try await compare(store, name, model) }
                }
                #expect(try Store.check(folder: folder).problems == [])
            }
        }
        #expect(!stale.isEmpty)
    }

    private func step(
        _ store: Store, _ name: BatteryName, _ model: inout Model, _ stale: inout [EstimateCommit], _ epoch: UInt64,
        _ random: inout SeededGenerator
    ) async throws {
        switch Int.random(in: 0..<10, using: &random) {
        case 0..<4:
            let numbers = (0..<Int64.random(in: 1...30, using: &random)).map { $0 + Int64(epoch) }
            // A column that changes its type and name from life to life, and times that come and go.
            let records: [Record] = numbers.map { number in
                Bool.random(using: &random)
                    ? [("n", .integer(number))] : [("n", .integer(number)), ("test_time", .integer(number))]
            }
            let outcome = try await store.append(batch(records), to: name, stream: "s")
            model.numbers += numbers
            model.stream += Int64(numbers.count)
            model.exists = true
            #expect(outcome == AppendOutcome(stored: numbers.count, streamTotal: model.stream))
        case 4:
            if let old = model.estimator { stale.append(.rows([1], of: old, epoch: .max)) }
            let isNow = Bool.random(using: &random)
            let estimator = try await store.register(name, epoch: epoch, start: isNow ? .now : .start)
            #expect(
                estimator.origin == (isNow ? Int64(model.numbers.count) : 0) && estimator.cursor == estimator.origin)
            (model.estimator, model.checkpoints, model.exists) = (estimator, [], true)
        case 5..<8:
            guard let estimator = model.estimator, estimator.cursor < model.numbers.count else { return }
            let cursor = Int64.random(in: estimator.cursor + 1...Int64(model.numbers.count), using: &random)
            let sequences = Array(estimator.cursor + 1...cursor)
            var commit = EstimateCommit.rows(sequences, of: estimator, epoch: epoch, cursor: cursor)
            if Bool.random(using: &random) { commit.checkpoint = .at(cursor, bytes: Int(cursor) * 50) }
            #expect(try await store.commit(commit))
            model.estimator?.cursor = cursor
            model.estimator?.snapshot = .after(Int(cursor))
            if let checkpoint = commit.checkpoint { model.checkpoints.append(checkpoint) }
        case 8:
            guard let newest = model.checkpoints.suffix(2).last, let version = model.estimator?.version else { return }
            let found = try #require(try await store.checkpoint(of: name, version: version))
            #expect(found.content == newest)
            try await store.discardCheckpoint(found.id, of: name)
            model.checkpoints = model.checkpoints.suffix(2).dropLast()
        default:
            guard model.exists else {
                return await expect(.unknownBattery) { try await store.delete(name) }
            }
            if let old = model.estimator { stale.append(.rows([1], of: old, epoch: .max)) }
            #expect(try await store.delete(name) == Int64(model.numbers.count))
            model = Model()
        }
    }

    private func compare(_ store: Store, _ name: BatteryName, _ model: Model) async throws {
        #expect((store.stats(of: name) != nil) == model.exists)
        guard model.exists else { return }
        #expect(store.stats(of: name)?.rows == Int64(model.numbers.count))
        let matrix = try await store.records(of: name, after: 0, columns: ["n"], limit: .max)
        #expect(matrix.values == model.numbers.map(Double.init))
        #expect(try await store.streamTotal("s", of: name) == model.stream)
        #expect(store.estimator(of: name) == model.estimator)
        let newest = try await store.checkpoint(of: name, version: model.estimator?.version ?? 1)
        #expect(newest?.content == model.checkpoints.last)
    }
}
