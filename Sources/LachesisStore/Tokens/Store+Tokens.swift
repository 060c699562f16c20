internal import GRDB
package import LachesisModel

/// Tells whether tokens were made or revoked since another look: numbers are not given out twice, so that what is made raises
/// the first, and what is only revoked lowers the second.
package struct TokenMark: Sendable, Equatable {
    let lastNumber: Int64
    let count: Int64
}

extension Store {
    /// All tokens in the order of their making, with the mark of this moment.
    /// - Throws: `StoreError`: `.corrupt` if one is not understood, `.io`, `.closed`.
    package func tokens() async throws(StoreError) -> (grants: [Grant], mark: TokenMark) {
        try await read { database in (try TokenRow.all(database), try Self.mark(database)) }
    }

    /// Reads two numbers: cheap enough for once a second, however many tokens there are.
    package func tokenMark() async throws(StoreError) -> TokenMark {
        try await read { database in try Self.mark(database) }
    }

    private static func mark(_ database: Database) throws -> TokenMark {
        let row = try Row.fetchOne(
            database,
            sql: """
                SELECT (SELECT value FROM lachesis_settings WHERE name = ?) AS last,
                    (SELECT count(*) FROM lachesis_tokens) AS count
                """, arguments: [Counter.tokens.rawValue])
        guard let row else { throw StoreError(.corrupt, "the database has lost its count of tokens") }
        return TokenMark(lastNumber: try row.value(of: "last"), count: try row.value(of: "count"))
    }
}
