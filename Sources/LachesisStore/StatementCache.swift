internal import GRDB

/// The writer's prepared statements that write rows, at most 3,000 of some 4 kB: the two of each of a thousand batteries that get
/// records one by one are compiled once. Those unused for longest make room, a quarter of all at once.
///
/// A statement is found by everything that its text says, so one that was prepared within a transaction rolled back since can
/// never write into columns of other names. SQLite itself compiles a statement again after ALTER TABLE or DROP TABLE.
///
/// `@unchecked`: used on the writer's queue alone.
final class StatementCache: @unchecked Sendable {
    struct Key: Hashable {
        let verb: String
        let table: String
        /// All but `lachesis_sequence`, which comes first.
        let columns: [String]
    }

    private struct Item {
        let statement: RawStatement
        var used: UInt64
    }

    private let capacity: Int
    private var items: [Key: Item] = [:]
    private var clock: UInt64 = 0

    init(capacity: Int = 3_000) { self.capacity = capacity }

    var count: Int { items.count }

    /// `INSERT INTO table (lachesis_sequence, columns…) VALUES (?, …)`, or another verb in the place of INSERT.
    func statement(_ database: Database, _ verb: String, into table: String, columns: [String]) throws -> RawStatement {
        let key = Key(verb: verb, table: table, columns: columns)
        clock += 1
        if let statement = items[key]?.statement {
            items[key]?.used = clock
            return statement
        }
        let statement = try RawStatement(database, Self.text(verb, into: table, columns: columns))
        if items.count >= capacity { makeRoom() }
        items[key] = Item(statement: statement, used: clock)
        return statement
    }

    /// The SQL of a statement that writes so many rows.
    static func text(_ verb: String, into table: String, columns: [String], rows: Int = 1) -> String {
        let names = ([SQLName.sequence] + columns).map(quoted).joined(separator: ", ")
        let row = "(\(marks(columns.count + 1)))"
        return "\(verb) INTO \(quoted(table)) (\(names)) VALUES "
            + Array(repeating: row, count: rows).joined(separator: ", ")
    }

    private func makeRoom() {
        let times = items.values.map(\.used).sorted()
        let limit = times[times.count / 4]
        items = items.filter { $0.value.used > limit }
    }

    /// Forgets the statements of one table, which is about to go.
    func forget(_ table: String) { items = items.filter { $0.key.table != table } }

    func removeAll() { items.removeAll() }
}
