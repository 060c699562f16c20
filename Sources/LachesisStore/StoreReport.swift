internal import GRDB

/// What a check of a store's database found.
package struct StoreReport: Sendable, Equatable {
    package internal(set) var batteries = 0
    package internal(set) var records: Int64 = 0
    package internal(set) var estimates: Int64 = 0
    package internal(set) var checkpoints = 0
    /// A sentence for everything that is not as it must be; none if the database is sound.
    package internal(set) var problems: [String] = []
}

extension Store {
    /// Reads the whole database of a folder as it is at one moment, and tells what contradicts itself, also while a server works
    /// in the folder.
    ///
    /// Blocks for about as long as reading the file takes; meanwhile the server's log grows. Nothing is changed.
    /// - Throws: `StoreError`: `.io` if the folder holds no database or it cannot be opened, `.corrupt` if the file is no database,
    ///   `.newerDatabase` if a newer server wrote it, `.other` if only older ones did.
    package static func check(folder: String) throws(StoreError) -> StoreReport {
        do {
            let beside = try openBeside(folder: folder)
            defer { try? beside.close() }
            // GRDB's own `read` fails at its end if a damaged page was met.
            return try beside.unsafeRead { database in
                try database.beginTransaction(.deferred)
                defer { try? database.rollback() }
                guard try !Migrations.all.hasBeenSuperseded(database) else {
                    throw StoreError(.newerDatabase, "the database was written by a newer version of the server")
                }
                guard try Migrations.all.hasCompletedMigrations(database) else {
                    throw StoreError(.other, "the database is of an older version; start the server on it once")
                }
                var check = StoreCheck(database)
                check.run()
                return check.report
            }
        } catch {
            throw StoreError(error)
        }
    }
}
