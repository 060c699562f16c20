internal import LachesisModel
internal import LachesisWire

/// How far one worker's estimator has come, and whether that is news: pure.
struct FeedProgress {
    private(set) var snapshot: Snapshot
    /// Sequence of the last record whose fate is in the snapshot.
    private(set) var cursor: Int64 = 0
    private let storedCursor: Int64

    /// True while the worker steps through records whose estimates are stored already.
    var isReplaying: Bool { cursor < storedCursor }

    init(_ ready: ReadyAnswer, storedCursor: Int64) {
        snapshot = Snapshot(mean: ready.mean, covariance: ready.covariance)
        self.storedCursor = storedCursor
    }

    mutating func take(_ answer: ResultAnswer, _ fed: FeedWindow.Fed) {
        let seededTime = answer.outcomes.firstIndex(of: .seeded).map { fed.testTimes[$0] }
        snapshot.apply(answer, sequences: fed.sequences, seededTime: seededTime)
        cursor = fed.sequences.last ?? cursor
    }
}
