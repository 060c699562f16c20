import GRDB
import LachesisModel
import LachesisStore
import Testing

@Suite struct EstimateTableTests {
    private let cell = try! BatteryName("the cell")

    private func table(_ folder: String) throws -> (columns: [String], rows: [[Double?]]) {
        try withDatabase(in: folder) { database in
            let rows = try Row.fetchAll(
                database, sql: "SELECT * FROM \"the cell_estimates\" ORDER BY lachesis_sequence")
            return (
                try database.columns(in: "the cell_estimates").map(\.name),
                rows.map { row in row.databaseValues.map { Double.fromDatabaseValue($0) } }
            )
        }
    }

    private func columns(_ states: [String], _ outputs: [String] = []) async throws -> [String] {
        try await withFolder { folder in
            try await withStore(in: folder) { store in
                _ = try await store.register(
                    cell,
                    description: EstimatorDescription(
                        className: "C", stateNames: states, outputNames: outputs, columns: ["test_time"]))
            }
            return Array(try table(folder).columns.dropFirst(2))
        }
    }

    @Test func aRowHasTimeThenMeansThenDeviationsThenOutputs() async throws {
        try await withFolder { folder in
            try await withStore(in: folder) { store in
                let estimator = try await store.register(cell)
                #expect(try await store.commit(.rows([3, 6], of: estimator, epoch: 1, cursor: 6)))
            }
            let (columns, rows) = try table(folder)
            #expect(
                columns == [
                    "lachesis_sequence", "test_time", "soc", "theta__r00", "soc_std", "theta__r00_std", "voltage",
                    "voltage_std",
                ])
            #expect(rows == [[3, 30, 1, -3, 3, 0.5, 3.8, 2], [6, 60, 2, -6, 6, 0.5, 4.1, 2]])
        }
    }

    @Test func dotsBecomeUnderscoresAndBracketsGo() async throws {
        #expect(
            try await columns(["theta.r0.base_values[0]", "a[0][1].b", "plain"], ["v[t]"]) == [
                "theta__r0__base_values0", "a01__b", "plain", "theta__r0__base_values0_std", "a01__b_std", "plain_std",
                "vt", "vt_std",
            ])
    }

    @Test func namesThatWouldBeOneColumnAreCounted() async throws {
        #expect(
            try await columns(["x", "X", "[x]", "x_std", "test_time", "Lachesis_Sequence"], ["x", "y"]) == [
                "x", "X_2", "x_3", "x_std", "test_time_2", "Lachesis_Sequence_2",
                "x_std_2", "X_std_3", "x_std_4", "x_std_std", "test_time_std", "Lachesis_Sequence_std",
                "x_4", "x_std_5", "y", "y_std",
            ])
    }

    @Test func aWorkersNamesCannotBreakTheTable() async throws {
        #expect(
            try await columns(["\"); DROP TABLE x; --", "a\0b\n", "[]", "ä 🔋"], [""]) == [
                "\"); DROP TABLE x; --", "ab", "state_3", "ä 🔋",
                "\"); DROP TABLE x; --_std", "ab_std", "state_3_std", "ä 🔋_std", "output_1", "output_1_std",
            ])
        let long = try await columns([String(repeating: "s", count: 5_000)])
        #expect(long == [String(repeating: "s", count: 128), String(repeating: "s", count: 128) + "_std"])
    }

    @Test func anEstimatorMayHaveNoOutputs() async throws {
        try await withFolder { folder in
            try await withStore(in: folder) { store in
                let description = EstimatorDescription(
                    className: "C", stateNames: ["a"], outputNames: [], columns: ["test_time"])
                let estimator = try await store.register(cell, description: description)
                var rows = EstimateRows()
                (rows.sequences, rows.testTimes, rows.means, rows.variances) = ([1], [0.5], [2], [16])
                #expect(
                    try await store.commit(
                        EstimateCommit(battery: cell, version: estimator.version, epoch: 0, rows: rows, progress: nil)))
            }
            #expect(try table(folder).rows == [[1, 0.5, 2, 4]])
        }
    }

    @Test func aVarianceBelowZeroHasNoDeviation() async throws {
        try await withFolder { folder in
            try await withStore(in: folder) { store in
                let estimator = try await store.register(cell)
                var commit = EstimateCommit.rows([1], of: estimator, epoch: 1)
                (commit.rows.variances, commit.rows.means, commit.rows.testTimes) = (
                    [-1e-18, 0], [.nan, -0.0], [.nan]
                )
                #expect(try await store.commit(commit))
            }
            let row = try #require(try table(folder).rows.first)
            #expect(row.prefix(6) == [1, nil, nil, -0.0, nil, 0])
            #expect(row[3]?.sign == .minus)
        }
    }

    @Test func aReplayRewritesTheSameRows() async throws {
        try await withFolder { folder in
            var written: [[[Double?]]] = []
            try await withStore(in: folder) { store in
                let estimator = try await store.register(cell)
                #expect(try await store.commit(.rows(Array(1...50), of: estimator, epoch: 1, cursor: 50)))
                written.append(try table(folder).rows)
                #expect(try await store.commit(.rows(Array(11...30), of: estimator, epoch: 2)))
                #expect(try await store.commit(.rows(Array(31...50), of: estimator, epoch: 2, cursor: 50)))
                written.append(try table(folder).rows)
                #expect(store.estimator(of: cell)?.cursor == 50)
            }
            #expect(written[0].count == 50)
            #expect(written[0] == written[1])
        }
    }

    @Test func aNewRegistrationEmptiesTheTableAndRenamesItsColumns() async throws {
        try await withFolder { folder in
            try await withStore(in: folder) { store in
                let first = try await store.register(cell)
                #expect(try await store.commit(.rows([1, 2], of: first, epoch: 1, cursor: 2)))
                let same = try await store.register(cell, epoch: 2)
                #expect(try await store.commit(.rows([9], of: same, epoch: 2)))
                #expect(try table(folder).rows.map(\.first) == [9])
                var description = EstimatorDescription.example
                description.stateNames = ["other", "states"]
                let third = try await store.register(cell, epoch: 3, description: description)
                #expect(third.version == 3)
                #expect(try table(folder).rows.isEmpty)
                #expect(try await store.commit(.rows([5], of: third, epoch: 3)))
            }
            let (columns, rows) = try table(folder)
            #expect(columns[2..<4] == ["other", "states"])
            #expect(rows.map(\.first) == [5])
        }
    }
}
