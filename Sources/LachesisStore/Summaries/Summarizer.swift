internal import GRDB
internal import LachesisModel
internal import Synchronization

/// Summarizes chunks of rows that were left over: of tables from before there were summaries, and where a transaction completed
/// more chunks than it summarizes itself (`WriteTransaction.summarizeGrown`). Some chunks a job, so that those who write wait for
/// no more than one job of it.
///
/// What is done stands in the database alone, and what is missing there is found missing: after a job that failed, a kill, or an
/// upgrade. Whoever reads takes a missing chunk's rows themselves.
final class Summarizer: Sendable {
    /// Chunks that one job, or one transaction, summarizes at most: some 10 ms with ten columns.
    static let chunks = 4

    private struct State {
        /// Folded names of batteries that have complete chunks; as many as there are batteries at most.
        var waiting: Set<String> = []
        /// Whether a job is under way.
        var isWorking = false
    }

    private let queue: CommitQueue
    private let state = Mutex(State())

    init(queue: CommitQueue) { self.queue = queue }

    /// Begins to summarize batteries, unless it is at it.
    func wake(_ batteries: some Sequence<String>) {
        let mustStart = state.withLock { state in
            state.waiting.formUnion(batteries)
            guard !state.isWorking, !state.waiting.isEmpty else { return false }
            state.isWorking = true
            return true
        }
        if mustStart { submit() }
    }

    private func submit() {
        let next = state.withLock { state in
            let next = state.waiting.popFirst()
            if next == nil { state.isWorking = false }
            return next
        }
        guard let next else { return }
        queue.submit(
            WriteJob(
                weight: Self.chunks * Int(Chunk.rows) / 4,
                run: { transaction in
                    let isMore = try transaction.summarize(next, count: Self.chunks) == Self.chunks
                    return { self.done(with: isMore ? next : nil) }
                },
                // The next chunk of the battery wakes it again, or the server's next start.
                fail: { error in
                    if error.code == .closed { self.state.withLock { $0.waiting = [] } }
                    self.done(with: nil)
                }))
    }

    private func done(with unfinished: String?) {
        if let unfinished { state.withLock { _ = $0.waiting.insert(unfinished) } }
        submit()
    }
}

extension WriteTransaction {
    /// Summarizes what this transaction completed: in the transaction itself, because one more would be one more wait for the disk.
    /// - Returns: folded names of batteries of which there may be more.
    func summarizeGrown() throws -> Set<String> {
        var (left, budget): (Set<String>, Int) = ([], Summarizer.chunks)
        for folded in grown {
            budget -= try summarize(folded, count: budget)
            if budget == 0 { left.insert(folded) }
        }
        return left
    }

    /// Summarizes some chunks of a battery.
    /// - Returns: how many.
    fileprivate func summarize(_ folded: String, count: Int) throws -> Int {
        guard count > 0, let entry = entry(folded: folded) else { return 0 }
        var done = 0
        if entry.hasTable {
            done += try ChunkWriter(transaction: self, table: RowTable(recordsOf: entry))
                .summarize(upTo: entry.lastSequence, count: count)
        }
        if done < count, let estimator = entry.estimator {
            done += try ChunkWriter(transaction: self, table: RowTable(estimatesOf: entry, by: estimator))
                .summarize(upTo: estimator.settled, count: count - done)
        }
        return done
    }
}
