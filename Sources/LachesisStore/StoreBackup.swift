internal import Foundation
internal import GRDB
internal import Glibc

/// What a copy of a store's database holds.
package struct StoreBackup: Sendable, Equatable {
    package let batteries: Int
    package let records: Int64
    /// Of the copy's file.
    package let bytes: Int64
}

extension Store {
    /// Copies a folder's database into one file, as it is at one moment, also while a server works in the folder.
    ///
    /// Blocks until the copy is on disk; meanwhile the server's log grows. The copy is written as `<file>.partial`, with access
    /// for its owner only, and gets its name once it is whole. In a folder of its own, named `lachesis.sqlite`, a server goes on
    /// from it.
    /// - Throws: `StoreError`: `.io` if `file` is there already, if the folder holds no database, or if either cannot be used;
    ///   `.full`, `.corrupt`. No file is left then.
    package static func backup(folder: String, to file: String) throws(StoreError) -> StoreBackup {
        let partial = file + ".partial"
        do {
            try refuse(file)
            let source = try openBeside(folder: folder)
            defer { try? source.close() }
            try make(partial)
            do {
                let (batteries, records) = try copy(source, to: partial)
                let bytes = try synchronize(partial)
                try refuse(file)
                guard rename(partial, file) == 0 else { throw StoreError.io("cannot rename the copy to '\(file)'") }
                _ = try synchronize((file as NSString).deletingLastPathComponent, isFolder: true)
                return StoreBackup(batteries: batteries, records: records, bytes: bytes)
            } catch {
                remove(partial)
                throw error
            }
        } catch {
            throw StoreError(error)
        }
    }

    /// Opens a folder's database for reading alone, whether or not a server is at work there.
    ///
    /// Where none is, SQLite leaves an empty log and its index (`-wal`, `-shm`), which the next server removes at its end.
    static func openBeside(folder: String) throws -> DatabaseQueue {
        let path = folder + "/lachesis.sqlite"
        guard access(path, F_OK) == 0 else { throw StoreError.io("the folder '\(folder)' holds no database") }
        var configuration = Configuration()
        configuration.label = "lachesis.beside"
        configuration.readonly = true
        configuration.busyMode = .timeout(10)
        return try DatabaseQueue(path: path, configuration: configuration)
    }

    /// - Returns: how many batteries and records the copy holds.
    private static func copy(_ source: DatabaseQueue, to path: String) throws -> (Int, Int64) {
        let copy = try DatabaseQueue(path: path)
        defer { try? copy.close() }
        try copy.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = OFF") }
        do { try source.backup(to: copy) } catch let error as DatabaseError {
            // The message is that of the copy's connection, which may know of no error.
            let reason = DatabaseError(resultCode: error.extendedResultCode).message ?? ""
            throw StoreError(
                StoreError(error).code, "cannot copy the database to '\(path)': \(reason)", underlying: error)
        }
        return try copy.writeWithoutTransaction { database in
            // The source's own mode came with its first page, and would make the copy three files.
            guard try String.fetchOne(database, sql: "PRAGMA journal_mode = DELETE") == "delete" else {
                throw StoreError(.other, "SQLite does not make the copy a single file")
            }
            let row = try Row.fetchOne(
                database, sql: "SELECT count(*), coalesce(sum(records), 0) FROM lachesis_batteries")
            return (row?[0] ?? 0, row?[1] ?? 0)
        }
    }

    // MARK: Files

    private static func refuse(_ file: String) throws(StoreError) {
        var status = stat()
        if lstat(file, &status) == 0 { throw StoreError(.io, "'\(file)' is there already; a backup replaces no file") }
    }

    /// Makes an empty file, which SQLite takes for an empty database, in the place of what a backup left that was killed.
    private static func make(_ path: String) throws(StoreError) {
        remove(path)
        let descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .io("cannot make '\(path)'") }
        Glibc.close(descriptor)
    }

    /// Removes a database with what SQLite may have put beside it.
    private static func remove(_ path: String) {
        for suffix in ["", "-journal", "-wal", "-shm"] { unlink(path + suffix) }
    }

    /// Returns when a file or folder is on the disk.
    /// - Returns: the file's length in bytes.
    private static func synchronize(_ path: String, isFolder: Bool = false) throws(StoreError) -> Int64 {
        let path = path.isEmpty ? "." : path
        let descriptor = Glibc.open(path, (isFolder ? O_RDONLY | O_DIRECTORY : O_RDWR) | O_CLOEXEC)
        guard descriptor >= 0 else { throw .io("cannot open '\(path)'") }
        defer { Glibc.close(descriptor) }
        var status = stat()
        guard fsync(descriptor) == 0, fstat(descriptor, &status) == 0 else {
            throw .io("cannot write '\(path)' to disk")
        }
        return Int64(status.st_size)
    }
}

extension StoreError {
    /// What the system's last call that failed says.
    fileprivate static func io(_ message: String) -> StoreError {
        StoreError(errno == ENOSPC || errno == EDQUOT ? .full : .io, "\(message): \(String(cString: strerror(errno)))")
    }
}
