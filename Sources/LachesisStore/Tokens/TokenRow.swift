internal import Foundation
internal import GRDB
internal import LachesisModel

/// A token as a row of `lachesis_tokens`: roles as words with spaces between, batteries as a JSON list or NULL for all.
enum TokenRow {
    static func insert(_ grant: Grant, _ database: Database) throws {
        let batteries = try grant.batteries.map { try JSONEncoder().encode($0.map(\.text).sorted()) }
        try database.execute(
            sql: "INSERT INTO lachesis_tokens (id, label, roles, batteries, created, hash) VALUES (?, ?, ?, ?, ?, ?)",
            arguments: [
                grant.id, grant.label, grant.roles.map(\.rawValue).sorted().joined(separator: " "),
                batteries.map { String(decoding: $0, as: UTF8.self) }, grant.created, Data(grant.hash),
            ])
    }

    /// All tokens in the order of their making.
    /// - Throws: `StoreError` `.corrupt` for a row that this version does not understand: it might allow less than it seems.
    static func all(_ database: Database) throws -> [Grant] {
        try Row.fetchAll(database, sql: "SELECT * FROM lachesis_tokens ORDER BY id").map(grant)
    }

    private static func grant(_ row: Row) throws -> Grant {
        let id: Int64 = try row.value(of: "id")
        let words: String = try row.value(of: "roles")
        let roles = words.split(separator: " ").map { Role(rawValue: String($0)) }
        let text: String? = try row.optionalValue(of: "batteries")
        let names = try text.map { try JSONDecoder().decode([String].self, from: Data($0.utf8)) }
        let batteries = names?.map { try? BatteryName($0) }
        guard !roles.contains(nil), batteries?.contains(nil) != true else {
            throw StoreError(.corrupt, "the token \(id) has a role or a battery that this version does not know")
        }
        let hash: Data = try row.value(of: "hash")
        return Grant(
            id: id, label: try row.value(of: "label"), roles: Set(roles.compactMap(\.self)),
            batteries: batteries.map { Set($0.compactMap(\.self)) }, created: try row.value(of: "created"),
            hash: Array(hash))
    }
}
