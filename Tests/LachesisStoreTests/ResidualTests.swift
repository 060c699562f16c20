import LachesisModel
import LachesisStore
import Testing

@Suite struct ResidualTests {
    private let cell = try! BatteryName("the cell")

    /// A battery with so many records of 4 V, and estimates of all; record 7 has no voltage.
    private func withCell(_ count: Int64, _ body: (Store) async throws -> Void) async throws {
        try await withStore { store in
            let records = (1...count).map { number -> Record in
                [("test_time", .real(10 * Double(number))), ("voltage", number == 7 ? .null : .real(4))]
            }
            _ = try await store.append(batch(records), to: cell, stream: nil)
            let estimator = try await store.register(cell)
            #expect(try await store.commit(.rows(Array(1...count), of: estimator, epoch: 1, cursor: count)))
            try await body(store)
        }
    }

    private func residuals(_ store: Store, points: Int = 1_000, _ bounds: RowSelection = RowSelection()) async throws
        -> [Residual]
    {
        var selection = bounds
        selection.points = points
        return try await store.residuals(of: cell, measured: "voltage", output: 0, selection)
    }

    @Test func aResidualIsWhatWasMeasuredLessWhatWasPredicted() async throws {
        try await withCell(10) { store in
            let rows = try await residuals(store)
            #expect(rows.map(\.sequence) == Array(1...10))
            #expect(rows[2].time == 30)
            #expect(rows[2].difference == 4 - (3.5 + 0.3))
            #expect(rows[2].deviation == 2)
            #expect(rows[6].difference.isNaN)
        }
    }

    @Test func boundsOfTimeAndSequenceHold() async throws {
        try await withCell(10) { store in
            let within = try await residuals(store, RowSelection(start: 20, end: 40))
            #expect(within.map(\.sequence) == [2, 3, 4])
            var later = RowSelection()
            later.after = 8
            let behind = try await residuals(store, later)
            #expect(behind.map(\.sequence) == [9, 10])
            let beyond = try await residuals(store, RowSelection(start: 1e9))
            #expect(beyond.isEmpty)
        }
    }

    @Test func thinningKeepsTheEndsAndStaysWithinItsBound() async throws {
        try await withCell(500) { store in
            let rows = try await residuals(store, points: 40)
            #expect(rows.count <= 40 && rows.count > 20)
            #expect(rows.first?.sequence == 1 && rows.last?.sequence == 500)
            #expect(rows.map(\.sequence) == rows.map(\.sequence).sorted())
        }
    }

    @Test func whatIsNotThereIsRefused() async throws {
        try await withCell(2) { store in
            await expect(.unknownColumn) {
                try await store.residuals(of: cell, measured: "voltage", output: 1, RowSelection())
            }
            await expect(.unknownColumn) {
                try await store.residuals(of: cell, measured: "nothing", output: 0, RowSelection())
            }
            let other = try BatteryName("other")
            await expect(.unknownBattery) {
                try await store.residuals(of: other, measured: "voltage", output: 0, RowSelection())
            }
            _ = try await store.append(batch(["voltage": 1]), to: other, stream: nil)
            await expect(.unknownEstimator) {
                try await store.residuals(of: other, measured: "voltage", output: 0, RowSelection())
            }
        }
    }

    @Test func whenTheLatestRecordCameIsKnownAlsoAfterARestart() async throws {
        try await withFolder { folder in
            try await withStore(in: folder) { store in
                #expect(store.stats(of: cell)?.lastReceived == nil)
                _ = try await store.append(batch(["voltage": 1], ["voltage": 2]), to: cell, stream: nil)
                #expect(store.stats(of: cell)?.lastReceived == 1_001)
            }
            try await withStore(in: folder) { #expect($0.stats(of: cell)?.lastReceived == 1_001) }
        }
    }
}
