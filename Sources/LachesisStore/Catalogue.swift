internal import LachesisModel
internal import Synchronization

/// What the store remembers of a battery, so that neither writing nor `/db/stats` has to ask the database.
struct BatteryEntry: Sendable {
    /// Its key in the server's own tables.
    let id: Int64
    let name: BatteryName
    /// Records stored.
    var records: Int64 = 0
    /// Of the latest record; 0 before the first, and as long the battery has no table.
    var lastSequence: Int64 = 0
    /// When it came, Unix s; nil before the first.
    var lastReceived: Double?
    var hasMetadata = false
    var schema: TableSchema
    /// nil until a chunk of records begins.
    var openChunk: OpenChunk?
    /// Kept while there is an estimator.
    var tail = RecordTail()
    var estimator: EstimatorEntry?

    var hasTable: Bool { lastSequence > 0 }

    var stats: BatteryStats {
        let received = TableSchema.Column(name: KnownColumns.received, type: .float)
        return BatteryStats(
            name: name, hasMetadata: hasMetadata, hasEstimator: estimator != nil, rows: records,
            columns: hasTable ? schema.columns + [received] : [], lastReceived: lastReceived)
    }
}

/// An estimator with what guards its results.
struct EstimatorEntry: Sendable {
    var registered: RegisteredEstimator
    /// Of the last result written; older ones change nothing.
    var epoch: UInt64
    let table: EstimateTable
    /// Sequence of the estimate that was written last; nil before the first since the server's start.
    var lastWritten: Int64?

    /// Sequence up to which no estimate is about to be written: the cursor, or less while a replay rewrites estimates.
    var settled: Int64 { min(registered.cursor, lastWritten ?? .max) }
}

/// All batteries by name.
struct Catalogue: Sendable {
    /// By folded name.
    private(set) var entries: [String: BatteryEntry] = [:]
    /// Folded names in the order of the batteries' names.
    private(set) var order: [String] = []
    /// Folded names of tables and indexes that stood in the database before and belong to no battery.
    let foreignTables: Set<String>

    init(_ batteries: [BatteryEntry] = [], foreignTables: Set<String> = []) {
        self.foreignTables = foreignTables
        for battery in batteries { entries[battery.name.folded] = battery }
        order = batteries.sorted { $0.name < $1.name }.map(\.name.folded)
    }

    /// Takes over batteries by folded name; nil removes one.
    mutating func publish(_ changed: [String: BatteryEntry?]) {
        for (folded, battery) in changed {
            let old = entries[folded]
            entries[folded] = battery
            // A battery that is deleted and made again may be spelt otherwise, and so have another place.
            guard old?.name != battery?.name else { continue }
            if old != nil { order.removeAll { $0 == folded } }
            if let battery { order.insert(folded, at: place(of: battery.name)) }
        }
    }

    private func place(of name: BatteryName) -> Int {
        var (low, high) = (0, order.count)
        while low < high {
            let middle = (low + high) / 2
            if let other = entries[order[middle]], other.name < name { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

/// The catalogue as committed: the writer publishes into it after each transaction, everybody else reads.
final class PublishedCatalogue: Sendable {
    private let content: Mutex<Catalogue>

    init(_ catalogue: Catalogue) { content = Mutex(catalogue) }

    /// The entry whose name is this one, or differs from it in the case of ASCII letters alone.
    func entry(folded: String) -> BatteryEntry? { content.withLock { $0.entries[folded] } }

    /// The entry of exactly this name.
    func entry(of name: BatteryName) -> BatteryEntry? {
        let entry = entry(folded: name.folded)
        return entry?.name == name ? entry : nil
    }

    /// Records that the battery of exactly this name has; 0 if there is none.
    func records(of name: BatteryName) -> Int64 {
        content.withLock { catalogue in
            guard let index = catalogue.entries.index(forKey: name.folded) else { return 0 }
            return catalogue.entries.values[index].name == name ? catalogue.entries.values[index].records : 0
        }
    }

    /// Sorted by name.
    func all() -> [BatteryEntry] {
        content.withLock { catalogue in catalogue.order.compactMap { catalogue.entries[$0] } }
    }

    func isForeign(_ folded: String) -> Bool { content.withLock { $0.foreignTables.contains(folded) } }

    func publish(_ changed: [String: BatteryEntry?]) { content.withLock { $0.publish(changed) } }
}
