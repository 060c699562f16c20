internal import Dispatch
internal import Foundation
internal import GRDB
package import LachesisModel
internal import Synchronization

/// Everything that outlives the server, in one SQLite database: batteries, records, scripts, estimates and how far estimators are.
///
/// Writing is done by one writer, which commits for all who wait at once; a call that writes returns when what it wrote is on
/// disk (`synchronous=FULL`), and is not cut short by cancellation. Reading does not wait for writing, and sees all that was
/// acknowledged before. Everything may be called from any task at any time, also while `close` is under way.
package final class Store: Sendable {
    let limits: Limits
    let pool: DatabasePool
    let catalogue: PublishedCatalogue
    let queue: CommitQueue
    let sweeper: Sweeper
    let summarizer: Summarizer
    private let lock: FolderLock
    private let gate = ReadGate()
    private let closing = DispatchQueue(label: "lachesis.store.close")

    /// Columns that reading a battery's rows takes beside the records' own: the sequence, `test_time` once more, and `received`.
    private static let ownColumns = 3

    /// Opens the database in a folder, which is made if it is missing, with access for its owner only.
    ///
    /// Blocks while the database is read: it is meant for the server's start.
    /// - Throws: `StoreError`: `.locked` if another server uses the folder, `.newerDatabase` if a newer one wrote the database,
    ///   `.corrupt` if the file is no database or contradicts itself, `.io` if folder or file cannot be used.
    package static func open(folder: String, limits: Limits) throws(StoreError) -> Store {
        do { return try Store(folder: folder, limits: limits) } catch { throw StoreError(error) }
    }

    private init(folder: String, limits: Limits) throws {
        try Self.makeFolder(folder)
        lock = try FolderLock(folder: folder)
        pool = try Self.connect(path: folder + "/lachesis.sqlite")
        self.limits = limits
        let columnLimit = Self.columnLimit(limits)
        catalogue = PublishedCatalogue(try pool.read { try Catalogue.load($0, columnLimit: columnLimit) })
        queue = CommitQueue(pool: pool, catalogue: catalogue)
        sweeper = Sweeper(queue: queue)
        summarizer = Summarizer(queue: queue)
        sweeper.wake()
        queue.onUnsummarized = { [weak summarizer] batteries in summarizer?.wake(batteries) }
        summarizer.wake(catalogue.all().filter { Chunk.complete($0.lastSequence) > 0 }.map(\.name.folded))
    }

    /// Whether a folder holds a database.
    package static func isThere(in folder: String) -> Bool {
        FileManager.default.fileExists(atPath: folder + "/lachesis.sqlite")
    }

    static func makeFolder(_ folder: String) throws(StoreError) {
        do {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw StoreError(
                .io, "cannot make the folder '\(folder)': \(error.localizedDescription)", underlying: error)
        }
    }

    private static func connect(path: String) throws -> DatabasePool {
        var configuration = Configuration()
        configuration.label = "lachesis"
        configuration.foreignKeysEnabled = false
        configuration.maximumReaderCount = 4
        // Another program that writes into the file for longer makes the waiting jobs fail.
        configuration.busyMode = .timeout(10)
        let pool = try DatabasePool(path: path, configuration: configuration)
        try pool.writeWithoutTransaction { database in
            // GRDB sets NORMAL, with which a power cut takes back what was acknowledged. Debian's SQLite overwrites what is
            // deleted with zeros, which makes replacing estimates write more. A log of 4,000 pages (16 MB) is moved into the
            // database less often than one of 1,000, and 48 MiB of pages keep the ends of a thousand batteries' tables in memory. A
            // view that somebody made over a battery's table keeps its text when the table is renamed out of the way.
            try database.execute(
                sql: """
                    PRAGMA synchronous = FULL;
                    PRAGMA secure_delete = OFF;
                    PRAGMA wal_autocheckpoint = 4000;
                    PRAGMA journal_size_limit = 67108864;
                    PRAGMA cache_size = -49152;
                    PRAGMA legacy_alter_table = ON;
                    """)
            guard try Int.fetchOne(database, sql: "PRAGMA synchronous") == 2 else {
                throw StoreError(.other, "SQLite does not take synchronous=FULL")
            }
            guard try !Migrations.all.hasBeenSuperseded(database) else {
                throw StoreError(.newerDatabase, "the database '\(path)' was written by a newer version of the server")
            }
        }
        try Migrations.all.migrate(pool)
        try openReaders(of: pool)
        return pool
    }

    /// Opens all connections that read, before anybody writes: on opening one, SQLite reads the schema outside of any transaction, and
    /// gives up if tables come faster than that, as those of a thousand batteries do.
    private static func openReaders(of pool: DatabasePool) throws {
        let count = pool.configuration.maximumReaderCount
        let (arrived, left) = (DispatchGroup(), DispatchGroup())
        let failures = Mutex<[any Error]>([])
        for _ in 0..<count {
            arrived.enter()
            left.enter()
        }
        for _ in 0..<count {
            pool.asyncUnsafeRead { result in
                if case .failure(let error) = result { failures.withLock { $0.append(error) } }
                // Whoever left before would have its connection used again.
                arrived.leave()
                // Of a failure GRDB tells on the queue that the others' connections are opened on.
                if case .success = result { arrived.wait() }
                left.leave()
            }
        }
        left.wait()
        if let failure = failures.withLock(\.first) { throw failure }
    }

    static func columnLimit(_ limits: Limits) -> Int { min(limits.columns, EstimateTable.maximumColumns - ownColumns) }

    /// Called after each commit that stored records, once for each battery, with the sequence of its latest record.
    ///
    /// It is called on the writer's queue, before those who stored are told: it must be quick, and may call nothing that waits.
    package var onStored: (@Sendable (BatteryName, _ lastSequence: Int64) -> Void)? {
        get { queue.onStored }
        set { queue.onStored = newValue }
    }

    /// Counts the server's starts, from 1: what epochs are made from.
    package func beginSession() async throws(StoreError) -> UInt32 {
        try await queue.perform { transaction in
            guard let session = UInt32(exactly: try transaction.next(.sessions)) else {
                throw StoreError(.corrupt, "the count of the server's starts is lost")
            }
            return session
        }
    }

    /// What is known of all batteries, by name; from memory.
    package func stats() -> [BatteryStats] { catalogue.all().map(\.stats) }

    /// What is known of one battery, from memory; nil if there is none of exactly this name.
    package func stats(of name: BatteryName) -> BatteryStats? { catalogue.entry(of: name)?.stats }

    /// Records that a battery has, from memory; 0 if there is none of exactly this name.
    package func recordCount(of name: BatteryName) -> Int64 { catalogue.records(of: name) }

    /// The battery whose name differs from this one in the case of ASCII letters alone; nil if there is none.
    package func otherSpelling(of name: BatteryName) -> BatteryName? {
        guard let other = catalogue.entry(folded: name.folded)?.name, other != name else { return nil }
        return other
    }

    /// Ends the store: what was called before is done, what is called after throws `StoreError` `.closed`.
    ///
    /// Returns when the database is closed and its folder free for another server. May be called again.
    package func close() async {
        await queue.close()
        await gate.close()
        await withCheckedContinuation { continuation in
            closing.async {
                // Nobody reads or writes any more, so that nothing keeps the connections open. The writer's is closed last:
                // the last one removes the emptied log, which a reading connection cannot.
                self.pool.invalidateReadOnlyConnections()
                try? self.pool.close()
                self.lock.release()
                continuation.resume()
            }
        }
    }

    // MARK: Reading

    /// Reads with one of the reading connections; all that `body` reads is of one moment.
    func read<Output: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> Output
    ) async throws(StoreError) -> Output {
        try gate.enter()
        defer { gate.leave() }
        do { return try await pool.read(body) } catch { throw StoreError(error) }
    }

    /// Likewise, what belongs to one battery.
    /// - Throws: `StoreError` `.unknownBattery` if it is deleted, be it that another bears its name by now.
    func read<Output: Sendable>(
        _ battery: BatteryEntry, _ body: @escaping @Sendable (Database, BatteryEntry) throws -> Output
    ) async throws(StoreError) -> Output {
        try await read { database in
            let statement = try database.cachedStatement(sql: "SELECT 1 FROM lachesis_batteries WHERE battery = ?")
            guard try Int.fetchOne(statement, arguments: [battery.id]) != nil else {
                throw StoreError.unknownBattery(battery.name)
            }
            return try body(database, battery)
        }
    }

    func knownEntry(of name: BatteryName) throws(StoreError) -> BatteryEntry {
        guard let entry = catalogue.entry(of: name) else { throw .unknownBattery(name) }
        return entry
    }
}
