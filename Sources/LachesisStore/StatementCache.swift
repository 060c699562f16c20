internal import GRDB

/// The writer's prepared statements that write rows, at most 256; the one unused for longest makes room.
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

    init(capacity: Int = 256) { self.capacity = capacity }

    var count: Int { items.count }

    /// `INSERT INTO table (lachesis_sequence, columns…) VALUES (?, …)`, or another verb in the place of INSERT.
    func statement(_ database: Database, _ verb: String, into table: String, columns: [String]) throws -> RawStatement {
        let key = Key(verb: verb, table: table, columns: columns)
        clock += 1
        if let statement = items[key]?.statement {
            items[key]?.used = clock
            return statement
        }
        let names = ([SQLName.sequence] + columns).map(quoted).joined(separator: ", ")
        let statement = try RawStatement(
            database, "\(verb) INTO \(quoted(table)) (\(names)) VALUES (\(marks(columns.count + 1)))")
        if items.count >= capacity, let oldest = items.min(by: { $0.value.used < $1.value.used })?.key {
            items[oldest] = nil
        }
        items[key] = Item(statement: statement, used: clock)
        return statement
    }

    /// Forgets the statements of one table, which is about to go.
    func forget(_ table: String) { items = items.filter { $0.key.table != table } }

    func removeAll() { items.removeAll() }
}
