/// What became of a record that was fed to an estimator; the raw value travels in the worker's result.
package enum StepOutcome: UInt8, Sendable {
    /// The estimator stepped.
    case stepped = 0
    /// The first record: it set the estimator's previous inputs, and no step was made.
    case seeded = 1
    /// Not stepped: a value that the estimator needs is missing or not finite.
    case missingValue = 2
    /// Not stepped: `test_time` lies before the registration's `valid_time`.
    case beforeValidTime = 3
    /// Not stepped: `test_time` lies before that of the latest accepted record.
    case late = 4
    /// The step raised or gave a state that is not finite; the estimator goes on from the state before.
    case failed = 5
}
