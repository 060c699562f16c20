internal import LachesisModel
internal import LachesisWire

extension Snapshot {
    /// Takes in what a worker made of the records with these sequences.
    /// - Parameter seededTime: `test_time` of the record that seeded the estimator, if it is among them, s.
    mutating func apply(_ answer: ResultAnswer, sequences: [Int64], seededTime: Double?) {
        for outcome in answer.outcomes { counts.count(outcome) }
        if let seededTime { latestTime = seededTime }
        if let error = answer.errors.last { lastError = "record \(sequences[error.index]): \(error.text)" }
        guard answer.steppedCount > 0 else { return }
        latestTime = answer.testTimes.last
        mean = Array(answer.means.suffix(answer.states))
        covariance = answer.covariance
        outputMean = Array(answer.outputMeans.suffix(answer.outputs))
        outputVariance = Array(answer.outputVariances.suffix(answer.outputs))
    }
}

extension EstimateRows {
    init(_ answer: ResultAnswer, _ fed: FeedWindow.Fed) {
        self.init()
        sequences = zip(fed.sequences, answer.outcomes).filter { $1 == .stepped }.map(\.0)
        (testTimes, means, variances) = (answer.testTimes, answer.means, answer.variances)
        (outputMeans, outputVariances) = (answer.outputMeans, answer.outputVariances)
    }
}
