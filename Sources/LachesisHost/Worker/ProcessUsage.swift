internal import Glibc

/// What a process takes, as the kernel tells everybody who may look.
struct ProcessUsage: Equatable {
    /// Bytes of memory that no other process shares.
    let memoryBytes: Int
    /// Processor time of all its threads, s.
    let cpuSeconds: Double

    /// - Returns: nil if there is no such process.
    init?(of pid: Int32) {
        guard let time = processorTime(of: pid) else { return nil }
        cpuSeconds = time / .seconds(1)
        if let rollup = KernelFile.read("/proc/\(pid)/smaps_rollup"), let bytes = Self.privateBytes(rollup) {
            memoryBytes = bytes
        } else if let statm = KernelFile.read("/proc/\(pid)/statm"), let bytes = Self.unsharedBytes(statm) {
            // A worker may be closed to its host; then what it shares with its zygote without a file is counted, too.
            memoryBytes = bytes
        } else {
            return nil
        }
    }

    /// `Private_*` and `Swap` of `/proc/PID/smaps_rollup`.
    static func privateBytes(_ rollup: String) -> Int? {
        var (sum, isThere) = (0, false)
        for line in rollup.split(separator: "\n") where line.hasPrefix("Private_") || line.hasPrefix("Swap:") {
            let words = line.split(separator: " ")
            guard words.count > 1, let kibibytes = Int(words[1]) else { return nil }
            (sum, isThere) = (sum + kibibytes << 10, true)
        }
        return isThere ? sum : nil
    }

    /// Resident pages that are of no file, from `/proc/PID/statm`.
    static func unsharedBytes(_ statm: String) -> Int? {
        let pages = statm.split(whereSeparator: \.isWhitespace).compactMap { Int($0) }
        guard pages.count > 2 else { return nil }
        return max(0, pages[1] - pages[2]) * Int(getpagesize())
    }
}
