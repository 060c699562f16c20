internal import Foundation
internal import GRDB
internal import Glibc
package import LachesisModel

/// The tokens of a folder's database, for commands: whether or not a server is at work there, which need not be asked.
package struct TokenTable {
    /// Tokens of one database, at most: a request's is compared with each.
    package static let maximumCount = 10_000
    /// Characters of a label.
    package static let maximumLabel = 128
    /// Batteries of one token.
    package static let maximumBatteries = 10_000

    /// How long another program's transaction is waited for. s
    private static let patience = 30.0

    private let queue: DatabaseQueue

    /// - Parameter makes: whether folder and database are made if they are missing.
    /// - Throws: `StoreError`: `.io` if there is no database, `.newerDatabase`; `.locked` if a server of an older version runs.
    package init(folder: String, makes: Bool) throws(StoreError) {
        do { queue = try Self.open(folder, makes: makes) } catch { throw StoreError(error) }
    }

    package func close() { try? queue.close() }

    /// - Throws: `StoreError`: `.unstorable` for a label that is too long, or for one token too many; `.full`, `.io`, `.locked`.
    package func create(
        roles: Set<Role>, batteries: Set<BatteryName>?, label: String
    ) throws(StoreError) -> (secret: TokenSecret, grant: Grant) {
        let isOdd = label.unicodeScalars.contains { $0.properties.generalCategory == .control }
        guard label.count <= Self.maximumLabel, !isOdd, (batteries?.count ?? 0) <= Self.maximumBatteries else {
            throw StoreError(
                .unstorable,
                "a label has at most \(Self.maximumLabel) characters, and a token so many batteries: "
                    + "\(Self.maximumBatteries)")
        }
        let secret = TokenSecret()
        let grant = try write { database in
            let count = try Int.fetchOne(database, sql: "SELECT count(*) FROM lachesis_tokens") ?? 0
            guard count < Self.maximumCount else {
                throw StoreError(.unstorable, "there are \(count) tokens already; revoke some")
            }
            let grant = Grant(
                id: try database.next(.tokens), label: label, roles: roles, batteries: batteries,
                created: Date().timeIntervalSince1970, hash: secret.hash)
            try TokenRow.insert(grant, database)
            return grant
        }
        return (secret, grant)
    }

    package func list() throws(StoreError) -> [Grant] {
        do { return try queue.read { try TokenRow.all($0) } } catch { throw StoreError(error) }
    }

    /// - Returns: whether there was such a token, and how many are left.
    package func revoke(_ id: Int64) throws(StoreError) -> (wasThere: Bool, left: Int) {
        try write { database in
            try database.execute(sql: "DELETE FROM lachesis_tokens WHERE id = ?", arguments: [id])
            let wasThere = database.changesCount > 0
            return (wasThere, try Int.fetchOne(database, sql: "SELECT count(*) FROM lachesis_tokens") ?? 0)
        }
    }

    private func write<Output>(_ body: (Database) throws -> Output) throws(StoreError) -> Output {
        do { return try queue.write(body) } catch { throw StoreError(error) }
    }

    private static func open(_ folder: String, makes: Bool) throws -> DatabaseQueue {
        let path = folder + "/lachesis.sqlite"
        if makes {
            try Store.makeFolder(folder)
        } else if access(path, F_OK) != 0 {
            throw StoreError(.io, "the folder '\(folder)' holds no database")
        }
        var configuration = Configuration()
        configuration.label = "lachesis.tokens"
        configuration.foreignKeysEnabled = false
        configuration.journalMode = .wal
        // A busy server commits without a pause to speak of: one who looks seldom would never find the database free.
        let end = DispatchTime.now() + patience
        configuration.busyMode = .callback { _ in
            usleep(500)
            return DispatchTime.now() < end
        }
        configuration.prepareDatabase { try $0.execute(sql: "PRAGMA synchronous = FULL") }
        let queue = try DatabaseQueue(path: path, configuration: configuration)
        do {
            try migrate(queue, folder)
            return queue
        } catch {
            try? queue.close()
            throw error
        }
    }

    /// Brings the tables up to this version, under the lock that keeps servers out; without it if there is nothing to do.
    private static func migrate(_ queue: DatabaseQueue, _ folder: String) throws {
        let migrator = Migrations.all
        guard try !queue.read(migrator.hasBeenSuperseded) else {
            throw StoreError(.newerDatabase, "the database in '\(folder)' was written by a newer version of the server")
        }
        guard try !queue.read(migrator.hasCompletedMigrations) else { return }
        let lock = try FolderLock(folder: folder)
        defer { lock.release() }
        try migrator.migrate(queue)
    }
}
