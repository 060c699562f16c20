import LachesisModel
import LachesisStore
import TestSupport
import Testing

/// Random batches, with the store closed and opened between them now and then, against a model in memory.
@Suite struct RandomRecordsTests {
    private static let batches = 300
    private static let columnLimit = 14

    private static let keys = [
        "test_time", "voltage", "state", "cycle_number", "n", "x", "y", "note", "select", "a \"b\"", "Ä", "ä", "🔋", "N",
        "Voltage", "received", "rowid", "x.y[0]", "e\u{301}", "\u{E9}",
    ]

    private static func value(_ key: String, _ random: inout SeededGenerator) -> Value {
        if Int.random(in: 0..<40, using: &random) == 0 { return anything(&random) }
        switch key {
        case "test_time", "voltage", "Voltage":
            return Int.random(in: 0..<8, using: &random) == 0
                ? nil : .real(Double(Int.random(in: 0..<20, using: &random)) / 4)
        case "state", "note", "select":
            return .text(["", "charging", "a'b", "é\0é"].randomElement(using: &random) ?? "")
        case "x", "y", "Ä": return [.integer(1), .real(0.5), .null].randomElement(using: &random) ?? nil
        default: return [.integer(3), .real(4), .null, .integer((1 << 53) + 1)].randomElement(using: &random) ?? nil
        }
    }

    private static func anything(_ random: inout SeededGenerator) -> Value {
        switch Int.random(in: 0..<6, using: &random) {
        case 0: .null
        case 1: .text("text")
        case 2: .integer([.min, .max, 0, -1, 1 << 53, (1 << 53) + 1].randomElement(using: &random) ?? 0)
        case 3: .integer(Int64.random(in: .min ... .max, using: &random))
        case 4: .real([-0.0, 0.0, 1e300, .leastNonzeroMagnitude, 9.3e18, -0.1].randomElement(using: &random) ?? 0)
        default: .real(Double.random(in: -1e6...1e6, using: &random))
        }
    }

    private static func records(_ random: inout SeededGenerator) -> [Record] {
        var keys = ["test_time"]
        return (0..<Int.random(in: 0...12, using: &random)).map { _ in
            if Int.random(in: 0..<3, using: &random) == 0 {
                // The first keys are common, the others rare.
                let count = Int.random(in: 0...4, using: &random)
                let range = Int.random(in: 0..<5, using: &random) == 0 ? Self.keys[...] : Self.keys[..<9]
                var seen: Set<String> = []
                keys = range.shuffled(using: &random).prefix(count).filter { seen.insert($0).inserted }
            }
            return keys.map { ($0, value($0, &random)) }
        }
    }

    @Test(arguments: [1, 2, 3] as [UInt64]) func aStoreHoldsWhatAModelHolds(seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        var limits = Limits()
        limits.columns = Self.columnLimit
        let names = try ["select", "Zelle Ä", "9"].map { try BatteryName($0) }
        var models = names.map { _ in TableModel(columnLimit: Self.columnLimit) }
        var refusals = 0
        try await withFolder { folder in
            var left = Self.batches
            while left > 0 {
                let store = try Store.open(folder: folder, limits: limits)
                for _ in 0..<min(left, Int.random(in: 1...60, using: &random)) {
                    left -= 1
                    let battery = Int.random(in: names.indices, using: &random)
                    let records = Self.records(&random)
                    let expected = models[battery].append(records)
                    let outcome = try await store.append(batch(records), to: names[battery], stream: "s")
                    #expect(outcome.stored == expected)
                    #expect((outcome.refusal != nil) == (expected < records.count))
                    #expect(outcome.streamTotal == Int64(models[battery].rows.count))
                    refusals += outcome.refusal == nil ? 0 : 1
                    let stats = store.stats(of: names[battery])
                    #expect(stats?.rows ?? 0 == Int64(models[battery].rows.count))
                    #expect(stats?.columns ?? [] == models[battery].schema)
                }
                for (name, model) in zip(names, models) where !model.rows.isEmpty {
                    try await compare(store, name, model, &random)
                }
                await store.close()
            }
        }
        // The generator is worth something only if much is stored and something is refused.
        #expect(models.allSatisfy { $0.rows.count > 200 && $0.columns.count > 8 })
        #expect(refusals > 20)
    }

    private func compare(
        _ store: Store, _ name: BatteryName, _ model: TableModel, _ random: inout SeededGenerator
    ) async throws {
        let rows = try await store.rows(of: name)
        try #require(exact(rows) == exact(model.rows()))
        for _ in 0..<5 {
            let start = [nil, Double(Int.random(in: -1...22, using: &random)) / 4].randomElement(using: &random) ?? nil
            let end = [nil, Double(Int.random(in: -1...22, using: &random)) / 4].randomElement(using: &random) ?? nil
            let limit = [nil, Int.random(in: 1...300, using: &random)].randomElement(using: &random) ?? nil
            let part = try await store.rows(of: name, start: start, end: end, limit: limit)
            #expect(exact(part) == exact(model.rows(start: start, end: end, limit: limit)))
        }
        let columns = Self.keys.filter { $0 != "received" }
        let behind = Int.random(in: 0...model.rows.count, using: &random)
        let matrix = try await store.records(of: name, after: Int64(behind), columns: columns, limit: .max)
        #expect(matrix.sequences == (behind..<model.rows.count).map { Int64($0 + 1) })
        for (place, column) in columns.enumerated() {
            let read = stride(from: place, to: matrix.values.count, by: columns.count).map { matrix.values[$0] }
            let expected = model.numbers(column).dropFirst(behind)
            #expect(read.map(\.description) == expected.map(\.description))
        }
    }
}
