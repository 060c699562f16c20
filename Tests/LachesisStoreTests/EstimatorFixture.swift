import LachesisModel
import LachesisStore

extension EstimatorDescription {
    /// Two states and one output.
    static let example = EstimatorDescription(
        className: "Example", stateNames: ["soc", "theta.r0[0]"], outputNames: ["voltage"],
        columns: ["test_time", "current", "voltage"])
}

extension Snapshot {
    static let initial = Snapshot(mean: [0.5, 0.01], covariance: [1, 0, 0, 1])

    /// As it might be after so many steps.
    static func after(_ steps: Int) -> Snapshot {
        var snapshot = Snapshot(
            latestTime: Double(steps), mean: [0.1 * Double(steps), -0.0], covariance: [4, 0.1, 0.1, 9])
        (snapshot.outputMean, snapshot.outputVariance) = ([3.7], [0.01])
        snapshot.counts.stepped = steps
        return snapshot
    }
}

extension EstimateCommit {
    /// Rows of `EstimatorDescription.example` whose numbers follow from their sequences alone, as those of a replay do.
    static func rows(
        _ sequences: [Int64], of estimator: RegisteredEstimator, epoch: UInt64, cursor: Int64? = nil
    ) -> EstimateCommit {
        var rows = EstimateRows()
        rows.sequences = sequences
        for number in sequences.map(Double.init) {
            rows.testTimes.append(10 * number)
            rows.means += [number / 3, -number]
            rows.variances += [number * number, 0.25]
            rows.outputMeans.append(3.5 + number / 10)
            rows.outputVariances.append(4)
        }
        let progress = cursor.map { Progress(cursor: $0, snapshot: .after(Int($0))) }
        return EstimateCommit(
            battery: estimator.battery, version: estimator.version, epoch: epoch, rows: rows, progress: progress)
    }
}

extension Checkpoint {
    /// As it might be after so many steps, with a state that follows from the cursor alone.
    static func at(_ cursor: Int64, bytes: Int = 100) -> Checkpoint {
        Checkpoint(
            cursor: cursor, snapshot: .after(Int(cursor)),
            state: (0..<bytes).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ Int(cursor)) })
    }
}

extension Store {
    /// Registers an estimator of which nothing matters.
    func register(
        _ battery: BatteryName, epoch: UInt64 = 0, description: EstimatorDescription = .example,
        start: Registration.Start = .start
    ) async throws -> RegisteredEstimator {
        try await register(
            Registration(battery: battery, plugin: "kalman", definition: "estimator = None\n", files: [], start: start),
            description: description, snapshot: .initial, epoch: epoch)
    }
}
