/// Records on their way to a worker: the columns that its estimator asked for.
package struct RecordMatrix: Sendable, Equatable {
    /// Sequence of each record in its battery's table, ascending.
    package var sequences: [Int64]
    /// `[record, column]`, row-major; NaN where the record has no number.
    package var values: [Double]

    package init(sequences: [Int64] = [], values: [Double] = []) { (self.sequences, self.values) = (sequences, values) }

    package var count: Int { sequences.count }
}
