internal import Glibc

/// Ends children that this process never made: what a worker forked and left behind when it, or the child between,
/// ended.
///
/// Such orphans come to the nearest foster parent (see `lachesis_adopt_orphans`). A kernel without the list of children
/// in /proc leaves them alone; the worker's own process namespace will make this unnecessary.
func killStrays(knownChildren isKnown: (Int32) -> Bool) {
    // The list is that of the thread which made the children, here always the main one.
    let file = open("/proc/self/task/\(getpid())/children", O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return }
    defer { close(file) }
    var text: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
        let count = read(file, &buffer, buffer.count)
        guard count > 0 else { break }
        text += buffer.prefix(count)
    }
    for word in text.split(separator: UInt8(ascii: " ")) {
        guard let pid = Int32(String(decoding: word, as: UTF8.self)), !isKnown(pid) else { continue }
        kill(pid, SIGKILL)
    }
}
