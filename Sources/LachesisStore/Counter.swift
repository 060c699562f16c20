internal import GRDB

/// Numbers of which each is given out once and never again; how far they are stands in `lachesis_settings`.
enum Counter: String {
    /// The server's starts.
    case sessions
    /// Keys of batteries. An index bears its battery's number, and outlives the battery for a while.
    case batteries
    /// Tables on their way out.
    case doomed
    case checkpoints
    /// Tokens, also those that were revoked: the audit log names them by number.
    case tokens
}

extension Database {
    /// The counter's next number, from 1.
    /// - Throws: `StoreError` `.corrupt` if the counter is lost.
    func next(_ counter: Counter) throws -> Int64 {
        let statement = try cachedStatement(
            sql: "UPDATE lachesis_settings SET value = value + 1 WHERE name = ? RETURNING value")
        guard let number = try Int64.fetchOne(statement, arguments: [counter.rawValue]) else {
            throw StoreError(.corrupt, "the database has lost its count of \(counter.rawValue)")
        }
        return number
    }
}

extension WriteTransaction {
    func next(_ counter: Counter) throws -> Int64 { try database.next(counter) }
}
