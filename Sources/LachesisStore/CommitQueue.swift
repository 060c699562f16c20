internal import Dispatch
internal import GRDB
package import LachesisMetrics
internal import LachesisModel
internal import Synchronization

/// One thing to write.
struct WriteJob: Sendable {
    /// Records, rows or KiB: about as much work as so many records.
    let weight: Int
    /// Folded name of the battery that it is about; nil if it is none's, or of several.
    var battery: String?
    /// Does the writing; returns what to call once it is on disk. May run more than once, after a roll-back.
    let run: @Sendable (WriteTransaction) throws -> @Sendable () -> Void
    /// Called instead if nothing of it is written.
    let fail: @Sendable (StoreError) -> Void
}

/// What the writer has done since the store was opened.
package struct StoreMetrics: Sendable {
    /// Transactions, from their beginning until they are on disk.
    package let commits = Histogram()
    /// Records stored.
    package let records = Tally()
}

/// The one writer: while a transaction runs, jobs queue up; the next transaction takes what waits and commits once for all.
///
/// Each job's caller waits for its job, so the queue is as long as there are callers: it bounds itself. Jobs of one battery are
/// done in the order in which they came; see `WriteLine`. A job that is queued is done even if its caller's task is cancelled. If a
/// transaction fails, its jobs are done again one by one, so that only the one at fault fails.
///
/// Bringing a transaction to the disk costs much the same for one small job as for fifty. Where many come at once, as from a
/// thousand batteries that send a record a second, the next transaction waits a moment for more of them.
final class CommitQueue: Sendable {
    private enum Phase {
        case open
        /// No job is taken any more; those waiting are done first, then these are called.
        case closing([@Sendable () -> Void])
        case closed
    }

    private struct State {
        var waiting = WriteLine()
        /// Whether the writer's queue holds a call of `work`, or runs it.
        var isWorking = false
        var phase = Phase.open
        var onStored: (@Sendable (BatteryName, Int64) -> Void)?
        var onUnsummarized: (@Sendable (Set<String>) -> Void)?
        /// Why the last transaction failed for want of a disk, and when; nil once one succeeds.
        var trouble: (error: StoreError, at: ContinuousClock.Instant)?
    }

    /// From the beginning of a transaction of many small jobs to the next, if jobs wait for it already.
    private static let rhythm = DispatchTimeInterval.milliseconds(10)

    private let pool: DatabasePool
    private let catalogue: PublishedCatalogue
    private let statements = StatementCache()
    let metrics = StoreMetrics()
    private let state = Mutex(State())

    init(pool: DatabasePool, catalogue: PublishedCatalogue) { (self.pool, self.catalogue) = (pool, catalogue) }

    var onStored: (@Sendable (BatteryName, Int64) -> Void)? {
        get { state.withLock { $0.onStored } }
        set { state.withLock { $0.onStored = newValue } }
    }

    /// Called after each commit that left complete chunks of rows without a summary, with the folded names of their batteries.
    var onUnsummarized: (@Sendable (Set<String>) -> Void)? {
        get { state.withLock { $0.onUnsummarized } }
        set { state.withLock { $0.onUnsummarized = newValue } }
    }

    /// Jobs that wait for the next transaction.
    var waitingCount: Int { state.withLock { $0.waiting.count } }

    /// Why the disk takes nothing, if it took nothing at the last try and that is not long ago.
    func trouble(within time: Duration) -> StoreError? {
        state.withLock { state in state.trouble.flatMap { .now - $0.at <= time ? $0.error : nil } }
    }

    /// Does a job and returns when it is on disk.
    ///
    /// `body` may run more than once. It throws `Refusal` before it has written anything, and any other error to have the
    /// transaction rolled back.
    /// - Parameter battery: whose jobs this one must not overtake, and they not it; nil keeps it behind all that came before.
    func perform<Output: Sendable>(
        weight: Int = 1, on battery: BatteryName? = nil, _ body: @escaping @Sendable (WriteTransaction) throws -> Output
    ) async throws(StoreError) -> Output {
        let result: Result<Output, StoreError> = await withCheckedContinuation { continuation in
            submit(
                WriteJob(
                    weight: weight, battery: battery?.folded,
                    run: { transaction in
                        let output = try body(transaction)
                        return { continuation.resume(returning: .success(output)) }
                    },
                    fail: { continuation.resume(returning: .failure($0)) }))
        }
        return try result.get()
    }

    /// Has a job done when its turn comes; it fails at once if the queue is closed.
    func submit(_ job: WriteJob) {
        let (isTaken, mustStart) = state.withLock { state in
            guard case .open = state.phase else { return (false, false) }
            state.waiting.append(job)
            defer { state.isWorking = true }
            return (true, !state.isWorking)
        }
        guard isTaken else { return job.fail(StoreError(.closed, "the store is closed")) }
        if mustStart { pool.asyncWriteWithoutTransaction { self.work($0) } }
    }

    /// One transaction; then, if more jobs wait, the next, with room for other work of the connection between.
    private func work(_ database: Database) {
        let begun = DispatchTime.now()
        let jobs = state.withLock { $0.waiting.next() }
        if !jobs.isEmpty { commit(jobs, on: database) }
        let (isMore, isOpen, finished) = state.withLock { state -> (Bool, Bool, [@Sendable () -> Void]) in
            guard case .closing(let callers) = state.phase else {
                state.isWorking = !state.waiting.isEmpty
                return (state.isWorking, true, [])
            }
            guard state.waiting.isEmpty else { return (true, false, []) }
            (state.isWorking, state.phase) = (false, .closed)
            return (false, false, callers)
        }
        guard isMore else { return finish(finished, database) }
        guard isOpen, Self.isCrowd(jobs) else { return pool.asyncWriteWithoutTransaction { self.work($0) } }
        DispatchQueue.global().asyncAfter(deadline: begun + Self.rhythm) {
            self.pool.asyncWriteWithoutTransaction { self.work($0) }
        }
    }

    /// Whether more jobs of this kind are worth waiting for: there are many, and all of them together are small.
    private static func isCrowd(_ jobs: [WriteJob]) -> Bool {
        jobs.count >= 8 && jobs.reduce(0) { $0 + $1.weight } <= 16 * jobs.count
    }

    private func commit(_ jobs: [WriteJob], on database: Database) {
        var hasBegun = false
        do {
            try attempt(jobs, on: database, hasBegun: &hasBegun)
        } catch  where hasBegun && jobs.count > 1 {
            for job in jobs { commit([job], on: database) }
        } catch {
            let error = StoreError(error)
            if error.code == .full || error.code == .io { state.withLock { $0.trouble = (error, .now) } }
            for job in jobs { job.fail(error) }
        }
    }

    private func attempt(_ jobs: [WriteJob], on database: Database, hasBegun: inout Bool) throws {
        let transaction = WriteTransaction(database, statements: statements, published: catalogue)
        var completions: [@Sendable () -> Void] = []
        let begun = ContinuousClock.now
        var unsummarized: Set<String> = []
        do {
            try database.inTransaction(.immediate) {
                hasBegun = true
                for job in jobs {
                    do {
                        completions.append(try job.run(transaction))
                    } catch let refusal as Refusal {
                        completions.append { job.fail(refusal.error) }
                    }
                }
                unsummarized = try transaction.summarizeGrown()
                try transaction.finish()
                return .commit
            }
        } catch {
            statements.removeAll()
            throw error
        }
        metrics.commits.observe(.now - begun)
        state.withLock { $0.trouble = nil }
        for folded in transaction.appended {
            let before = catalogue.entry(folded: folded)?.records ?? 0
            metrics.records.add(Int(max(0, (transaction.entry(folded: folded)?.records ?? 0) - before)))
        }
        catalogue.publish(transaction.changed)
        if let onStored {
            for folded in transaction.appended {
                if let entry = transaction.entry(folded: folded) { onStored(entry.name, entry.lastSequence) }
            }
        }
        if !unsummarized.isEmpty { onUnsummarized?(unsummarized) }
        for completion in completions { completion() }
    }

    // MARK: Shutdown

    /// Takes no further job, and returns when all that were taken are done and the log is in the database file.
    func close() async {
        await withCheckedContinuation { continuation in
            let mustStart = state.withLock { state -> Bool? in
                switch state.phase {
                case .closed: return nil
                case .closing(let callers):
                    state.phase = .closing(callers + [{ continuation.resume() }])
                    return false
                case .open:
                    state.phase = .closing([{ continuation.resume() }])
                    defer { state.isWorking = true }
                    return !state.isWorking
                }
            }
            guard let mustStart else { return continuation.resume() }
            if mustStart { pool.asyncWriteWithoutTransaction { self.work($0) } }
        }
    }

    private func finish(_ callers: [@Sendable () -> Void], _ database: Database) {
        guard !callers.isEmpty else { return }
        statements.removeAll()
        // A reader that is at work may keep the log from being emptied; it is then read at the next opening.
        _ = try? database.checkpoint(.truncate)
        for caller in callers { caller() }
    }
}
