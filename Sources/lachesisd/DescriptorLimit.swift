import Glibc

/// The number of files and connections that this process may have open.
enum DescriptorLimit {
    /// Those that are not connections of clients: the database's, the host's, the event loops'.
    private static let others = 256

    /// Makes room for so many connections; many systems give a process 1,024 descriptors and let it take more.
    ///
    /// Without any left, not only connections would fail but also the database.
    /// - Returns: connections for which there is room.
    static func makeRoom(for connections: Int) -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return connections }
        let wanted = rlim_t(connections + others)
        if limit.rlim_cur < wanted {
            limit.rlim_cur = min(wanted, limit.rlim_max)
            _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            _ = getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        }
        return limit.rlim_cur >= wanted ? connections : max(1, Int(limit.rlim_cur) - others)
    }
}
