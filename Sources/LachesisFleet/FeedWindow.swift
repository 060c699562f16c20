internal import LachesisModel

/// What is under way between the feeder and one worker: pure bookkeeping of sequences.
///
/// At most two batches are unanswered, so that the worker has the next one at hand while the last one's results are written, and
/// memory stays bounded however far behind the estimator is.
struct FeedWindow {
    static let batches = 2

    /// Records that were sent, in order.
    struct Fed: Equatable {
        var sequences: [Int64] = []
        /// s; NaN where the record has none.
        var testTimes: [Double] = []

        var count: Int { sequences.count }
    }

    /// Sequence of the last record that was sent.
    private(set) var sent: Int64
    /// Sequence of the last record that was answered.
    private(set) var answered: Int64
    /// What is sent and not answered, by batch.
    private var outstanding: [Fed] = []
    /// Sequences behind which a checkpoint was asked for that has not come.
    private var owedCheckpoints: [Int64] = []

    init(after cursor: Int64) { (sent, answered) = (cursor, cursor) }

    var hasRoom: Bool { outstanding.count < Self.batches }

    /// Whether the worker has answered everything.
    var isQuiet: Bool { outstanding.isEmpty && owedCheckpoints.isEmpty }

    /// Whether a checkpoint was asked for that has not come.
    var owesCheckpoint: Bool { !owedCheckpoints.isEmpty }

    /// - Parameters:
    ///   - records: their first column is `test_time`; none only asks for a checkpoint.
    ///   - checkpoint: whether one is asked for behind the last of them.
    mutating func send(_ records: RecordMatrix, checkpoint: Bool) {
        if let last = records.sequences.last {
            let columns = records.values.count / records.count
            let times = stride(from: 0, to: records.values.count, by: columns).map { records.values[$0] }
            outstanding.append(Fed(sequences: records.sequences, testTimes: times))
            sent = last
        }
        if checkpoint { owedCheckpoints.append(sent) }
    }

    /// Takes the next `count` records as answered.
    /// - Parameter checkpoint: whether the answer tells of a checkpoint behind the last of them.
    /// - Returns: nil if fewer are outstanding, if there is nothing in the answer, or if no checkpoint was asked for there: it is
    ///   forged, and the window is of no use any more.
    mutating func answer(_ count: Int, checkpoint: Bool) -> Fed? {
        guard count > 0 || (count == 0 && checkpoint), count <= outstanding.reduce(0, { $0 + $1.count }) else {
            return nil
        }
        var taken = Fed()
        while taken.count < count {
            let part = min(count - taken.count, outstanding[0].count)
            taken.sequences += outstanding[0].sequences.prefix(part)
            taken.testTimes += outstanding[0].testTimes.prefix(part)
            outstanding[0].sequences.removeFirst(part)
            outstanding[0].testTimes.removeFirst(part)
            if outstanding[0].count == 0 { outstanding.removeFirst() }
        }
        answered = taken.sequences.last ?? answered
        if checkpoint {
            guard owedCheckpoints.first == answered else { return nil }
            owedCheckpoints.removeFirst()
        }
        return taken
    }
}
