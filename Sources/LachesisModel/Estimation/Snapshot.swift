/// The latest word of one estimator: its state and how it came about.
package struct Snapshot: Sendable, Equatable {
    /// `test_time` of the last record that was stepped or that seeded the estimator, s; nil before the first.
    package var latestTime: Double?
    /// Mean of the states, `[state]`, in the states' own units.
    package var mean: [Double]
    /// Covariance of the states, row-major `[state, state]`, in the states' own units.
    package var covariance: [Double]
    /// Outputs that the model predicted for the last stepped record, `[output]`; empty before the first step.
    package var outputMean: [Double] = []
    /// Their variance, `[output]`.
    package var outputVariance: [Double] = []
    /// Records so far, by what became of them.
    package var counts = StepCounts()
    /// The last error of a step, with its record's sequence; nil if none failed.
    package var lastError: String?

    package init(latestTime: Double? = nil, mean: [Double], covariance: [Double]) {
        (self.latestTime, self.mean, self.covariance) = (latestTime, mean, covariance)
    }
}

/// How many records met which fate.
package struct StepCounts: Sendable, Equatable, Codable {
    package var stepped = 0
    package var seeded = 0
    package var missingValue = 0
    package var beforeValidTime = 0
    package var late = 0
    package var failed = 0

    package init() {}

    /// Stored but never given to the estimator.
    package var skipped: Int { missingValue + beforeValidTime + late }

    package mutating func count(_ outcome: StepOutcome) {
        switch outcome {
        case .stepped: stepped += 1
        case .seeded: seeded += 1
        case .missingValue: missingValue += 1
        case .beforeValidTime: beforeValidTime += 1
        case .late: late += 1
        case .failed: failed += 1
        }
    }
}
