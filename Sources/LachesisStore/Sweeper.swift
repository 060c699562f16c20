internal import Dispatch
internal import GRDB
internal import Synchronization

/// Empties and drops doomed tables, some rows a job, so that those who write wait for no more than one job of it.
///
/// It keeps no list: each job looks for a doomed table in the database, so that nothing is forgotten by a server that ends in
/// the midst.
final class Sweeper: Sendable {
    /// Rows that one job removes: up to 64 MiB, if they are as large as records may be.
    static let rows = 1_000
    /// How long it rests after a job that failed, on a full disk for instance. s
    private static let retryDelay = 30.0

    private let queue: CommitQueue
    /// Whether a job is under way.
    private let isSweeping = Mutex(false)

    init(queue: CommitQueue) { self.queue = queue }

    /// Begins to sweep, unless it is at it; to be called once tables are doomed.
    func wake() {
        let mustStart = isSweeping.withLock { isSweeping in
            defer { isSweeping = true }
            return !isSweeping
        }
        if mustStart { submit() }
    }

    private func submit() {
        queue.submit(
            WriteJob(
                weight: Self.rows,
                run: { transaction in
                    let hasSwept = try transaction.sweep(rows: Self.rows)
                    return { hasSwept ? self.submit() : self.rest() }
                },
                fail: { error in
                    self.rest()
                    guard error.code != .closed else { return }
                    DispatchQueue.global().asyncAfter(deadline: .now() + Self.retryDelay) { [weak self] in self?.wake()
                    }
                }))
    }

    private func rest() { isSweeping.withLock { $0 = false } }
}

extension WriteTransaction {
    /// Takes a table out of use, however large it is: it gets another name, and the sweeper removes it in time.
    ///
    /// A small one goes at once. To rename, SQLite reads the text of every table in the database, which takes 0.15 s where there
    /// are 3,000 batteries.
    func doom(_ table: String) throws {
        statements.forget(table)
        guard try end(of: Sweeper.rows, in: table) != nil else { return try drop(table) }
        try database.execute(
            sql: "ALTER TABLE \(quoted(table)) RENAME TO \(SQLName.doomed(try next(.doomed)))")
    }

    /// Removes so many rows of a doomed table, or all of it once it has fewer.
    /// - Returns: false if no table is doomed.
    fileprivate func sweep(rows: Int) throws -> Bool {
        let table = try String.fetchOne(
            database, sql: "SELECT name FROM sqlite_master WHERE type = 'table' AND name GLOB ? LIMIT 1",
            arguments: [SQLName.doomedPattern])
        guard let table else { return false }
        guard let end = try end(of: rows, in: table) else {
            try drop(table)
            return true
        }
        try database.execute(sql: "DELETE FROM \(quoted(table)) WHERE \(SQLName.sequence) <= ?", arguments: [end])
        return true
    }

    /// Sequence of the last of a table's first so many rows; nil if it has fewer.
    private func end(of rows: Int, in table: String) throws -> Int64? {
        try Int64.fetchOne(
            database, sql: "SELECT \(SQLName.sequence) FROM \(quoted(table)) ORDER BY 1 LIMIT 1 OFFSET ?",
            arguments: [rows - 1])
    }

    /// Its indexes go with it.
    private func drop(_ table: String) throws { try database.execute(sql: "DROP TABLE \(quoted(table))") }
}
