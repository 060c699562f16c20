/// What a worker tells of the estimator that a script built.
package struct EstimatorDescription: Sendable, Equatable, Codable {
    /// Name of the estimator's class.
    package var className: String
    /// Transient states first, then health, as the estimator orders them.
    package var stateNames: [String]
    package var outputNames: [String]
    /// Columns of the battery's table that the estimator reads; the first is `test_time`.
    package var columns: [String]

    package init(className: String, stateNames: [String], outputNames: [String], columns: [String]) {
        (self.className, self.stateNames) = (className, stateNames)
        (self.outputNames, self.columns) = (outputNames, columns)
    }

    private enum CodingKeys: String, CodingKey {
        case className = "estimator"
        case stateNames = "state_names"
        case outputNames = "output_names"
        case columns
    }
}
