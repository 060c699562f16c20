internal import Glibc

/// What the kernel keeps a worker to.
struct WorkerLimits {
    /// Default 256.
    var openFiles: UInt64 = 256
    /// Bytes of one file in the work folder. Default 1 GiB.
    var fileBytes: UInt64 = 1 << 30
    /// Bytes of address space beyond those that the zygote's libraries take. Default 4 GiB.
    var additionalAddressBytes: UInt64 = 4 << 30

    /// Bytes of address space in all, for a zygote that is warm.
    /// - Throws: `HostError` `.system` if its own size cannot be read.
    func addressBytes() throws(HostError) -> UInt64 {
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
