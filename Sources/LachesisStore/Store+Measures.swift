internal import GRDB
internal import Glibc

extension Store {
    /// For how long a disk that took nothing is taken for one that takes nothing.
    private static let troubleTime = Duration.seconds(10)

    package var metrics: StoreMetrics { queue.metrics }

    /// Jobs that wait for the writer.
    package var waitingWrites: Int { queue.waitingCount }

    /// Why nothing can be written at the moment; nil as far as is known it can.
    package var trouble: String? { queue.trouble(within: Self.troubleTime)?.message }

    /// Bytes of the database with its log.
    package func databaseBytes() -> Int {
        ["", "-wal", "-shm"].reduce(0) { sum, suffix in
            var status = stat()
            return stat(pool.path + suffix, &status) == 0 ? sum + Int(status.st_size) : sum
        }
    }

    /// Bytes that the disk under the database has left; nil if that cannot be told.
    package func freeBytes() -> Int? {
        var status = statvfs()
        guard statvfs(pool.path, &status) == 0 else { return nil }
        return Int(status.f_bavail) * Int(status.f_frsize)
    }
}
