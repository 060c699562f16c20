internal import GRDB
internal import LachesisModel

/// What jobs write with while a transaction is open: the connection, and the catalogue with the transaction's own changes.
///
/// A job reads entries, writes, and hands changed entries back. They are published once the transaction is on disk, and
/// forgotten if it is not.
final class WriteTransaction {
    let database: Database
    let statements: StatementCache
    private let published: PublishedCatalogue
    /// By folded name; nil for a battery that is deleted.
    private(set) var changed: [String: BatteryEntry?] = [:]
    /// Folded names of batteries that got records.
    private(set) var appended: Set<String> = []
    /// Folded names of batteries whose estimators moved on.
    private var progressed: Set<String> = []
    /// Folded names of batteries that may have complete chunks of rows that they had not before.
    private(set) var grown: Set<String> = []

    init(_ database: Database, statements: StatementCache, published: PublishedCatalogue) {
        (self.database, self.statements, self.published) = (database, statements, published)
    }

    /// The battery as this transaction sees it; nil if there is none.
    /// - Throws: `Refusal` `.nameClash` if the name's table would be another's.
    func battery(_ name: BatteryName) throws(Refusal) -> BatteryEntry? {
        let folded = name.folded
        if let entry = entry(folded: folded) {
            guard entry.name == name else {
                throw Refusal(
                    .nameClash, "'\(name)' differs from the battery '\(entry.name)' in upper and lower case alone")
            }
            return entry
        }
        guard !published.isForeign(folded), !published.isForeign(SQLName.estimates(of: folded)) else {
            throw Refusal(
                .nameClash, "the database has a table of the name '\(name)' already, and it is not a battery's")
        }
        return nil
    }

    /// The battery whose name is this one, or differs from it in the case of ASCII letters alone.
    func entry(folded: String) -> BatteryEntry? {
        if let change = changed[folded] { return change }
        return published.entry(folded: folded)
    }

    /// Adds a battery without records.
    func makeBattery(_ name: BatteryName, columnLimit: Int) throws -> BatteryEntry {
        let id = try next(.batteries)
        try database.execute(
            sql: "INSERT INTO lachesis_batteries (battery, name, records, last_sequence) VALUES (?, ?, 0, 0)",
            arguments: [id, name.text])
        return BatteryEntry(id: id, name: name, schema: TableSchema(limit: columnLimit))
    }

    /// Takes a changed entry; it is published after the commit.
    func keep(_ entry: BatteryEntry) { changed[entry.name.folded] = entry }

    /// Likewise, after records were written: the counts are written at the end, once a battery however many jobs there were.
    func keepAppended(_ entry: BatteryEntry) {
        let old = self.entry(folded: entry.name.folded)?.lastSequence ?? 0
        if Chunk.complete(entry.lastSequence) > Chunk.complete(old) { grown.insert(entry.name.folded) }
        keep(entry)
        appended.insert(entry.name.folded)
    }

    /// Likewise, after the estimator's progress changed.
    func keepProgressed(_ entry: BatteryEntry) {
        let (old, new) = (self.entry(folded: entry.name.folded)?.estimator?.settled, entry.estimator?.settled)
        if Chunk.complete(new ?? 0) != Chunk.complete(old ?? 0) { grown.insert(entry.name.folded) }
        keep(entry)
        progressed.insert(entry.name.folded)
    }

    /// Takes note that a battery is deleted.
    func forget(_ entry: BatteryEntry) {
        let folded = entry.name.folded
        changed.updateValue(nil, forKey: folded)
        appended.remove(folded)
        grown.remove(folded)
        progressed.remove(folded)
    }

    /// Writes what was left for the end; the last act before the commit.
    func finish() throws {
        for folded in appended {
            guard let entry = entry(folded: folded) else { continue }
            try database.cachedStatement(
                sql: "UPDATE lachesis_batteries SET records = ?, last_sequence = ? WHERE battery = ?"
            ).execute(arguments: [entry.records, entry.lastSequence, entry.id])
        }
        for folded in progressed {
            guard let entry = entry(folded: folded), let estimator = entry.estimator else { continue }
            try ProgressRow.write(estimator, battery: entry.id, database)
        }
    }
}
