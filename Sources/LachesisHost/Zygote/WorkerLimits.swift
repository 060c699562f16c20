internal import CSandbox
internal import Glibc

/// What the kernel keeps a worker to.
struct WorkerLimits {
    /// Default 256.
    var openFiles: UInt64 = 256
    /// Bytes of the work folder, which lies in memory; the largest registration's files fit. Default 320 MiB.
    var folderBytes: UInt64 = 320 << 20
    /// Files and folders in it. Default 10,000.
    var folderEntries: UInt64 = 10_000
    /// Bytes of one file. Default 320 MiB.
    var fileBytes: UInt64 = 320 << 20
    /// Threads. Default 64.
    var threads: UInt64 = 64
    /// Bytes of address space beyond those that the zygote's libraries take. Default 4 GiB.
    var additionalAddressBytes: UInt64 = 4 << 30

    /// - Throws: `HostError` `.system` if this process's own size cannot be read.
    func apply(to settings: inout lachesis_lock_in_settings) throws(HostError) {
        (settings.folder_bytes, settings.folder_entries) = (folderBytes, folderEntries)
        (settings.open_files, settings.file_bytes, settings.threads) = (openFiles, fileBytes, threads)
        settings.address_bytes = try addressBytes()
    }

    /// Bytes of address space in all, for a zygote that is warm.
    /// - Throws: `HostError` `.system` if its own size cannot be read.
    private func addressBytes() throws(HostError) -> UInt64 {
        var buffer = [UInt8](repeating: 0, count: 256)
        let file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw .last("opening /proc/self/statm") }
        defer { close(file) }
        let count = read(file, &buffer, buffer.count)
        let word = buffer.prefix(max(count, 0)).prefix { $0 != UInt8(ascii: " ") }
        guard let pages = UInt64(String(decoding: word, as: UTF8.self)) else {
            throw HostError(.system, "the size of this process cannot be read")
        }
        return pages * UInt64(sysconf(Int32(_SC_PAGESIZE))) + additionalAddressBytes
    }
}
