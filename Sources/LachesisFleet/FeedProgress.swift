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

    mutating func take(_ answer: ResultAnswer, _ fed: FeedWindow.Fed) {
        let seededTime = answer.outcomes.firstIndex(of: .seeded).map { fed.testTimes[$0] }
        snapshot.apply(answer, sequences: fed.sequences, seededTime: seededTime)
        cursor = fed.sequences.last ?? cursor
    }
}
