internal import Glibc

/// Bytes of this process's address space, which its workers share and do not pay for.
/// - Throws: `HostError` `.system` if it cannot be read.
func addressSpaceOfThisProcess() throws(HostError) -> UInt64 {
    var buffer = [UInt8](repeating: 0, count: 256)
    let file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { throw .last("opening /proc/self/statm") }
    defer { close(file) }
    let count = read(file, &buffer, buffer.count)
    let word = buffer.prefix(max(count, 0)).prefix { $0 != UInt8(ascii: " ") }
    guard let pages = UInt64(String(decoding: word, as: UTF8.self)) else {
        throw HostError(.system, "the size of this process cannot be read")
    }
    return pages * UInt64(sysconf(Int32(_SC_PAGESIZE)))
}
