internal import LachesisModel
internal import LachesisWire

/// How far one worker's estimator has come, and whether that is news: pure.
struct FeedProgress {
    private(set) var snapshot: Snapshot
    /// Sequence of the last record whose fate is in the snapshot.
    private(set) var cursor: Int64
    private let storedCursor: Int64

    /// True while the worker steps through records whose estimates are stored already.
    var isReplaying: Bool { cursor < storedCursor }

    /// - Parameters:
    ///   - cursor: of the checkpoint that the worker goes on from, or of the last record before those it is fed.
    ///   - snapshot: at that record.
    init(cursor: Int64, snapshot: Snapshot, storedCursor: Int64) {
        (self.cursor, self.snapshot, self.storedCursor) = (cursor, snapshot, storedCursor)
    }

    /// - Throws: `FleetError` `.script` if the answer says of a record that it took effect, and it has no finite `test_time`, or
    ///   another one than the answer tells: no worker says that of what it was fed.
    mutating func take(_ answer: ResultAnswer, _ fed: FeedWindow.Fed) throws(FleetError) {
        try Self.check(answer, fed)
        let seededTime = answer.outcomes.firstIndex(of: .seeded).map { fed.testTimes[$0] }
        snapshot.apply(answer, sequences: fed.sequences, seededTime: seededTime)
        cursor = fed.sequences.last ?? cursor
    }

    private static func check(_ answer: ResultAnswer, _ fed: FeedWindow.Fed) throws(FleetError) {
        var stepped = answer.testTimes.makeIterator()
        for (index, outcome) in answer.outcomes.enumerated() where outcome == .stepped || outcome == .seeded {
            let (sequence, time) = (fed.sequences[index], fed.testTimes[index])
            guard time.isFinite else {
                throw FleetError(.script, "the script's process took record \(sequence), which has no test_time")
            }
            guard outcome == .seeded || stepped.next() == time else {
                throw FleetError(.script, "the script's process gave record \(sequence) another test_time")
            }
        }
    }
}
