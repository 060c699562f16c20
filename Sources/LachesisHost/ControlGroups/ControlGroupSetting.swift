/// Which of a process's doings the kernel can limit by its control group.
enum ControlGroupController: String, CaseIterable { case cpu, memory, pids }

/// A limit of one control group, as the kernel wants it written.
enum ControlGroupSetting: Equatable {
    /// Memory with all that counts as such; nothing is swapped out beyond it.
    case memory(bytes: Int)
    /// Processes and threads.
    case pids(Int)
    /// Processor time: so much in each period, µs.
    case cpu(quota: Int, period: Int)
    /// Claim to processor time, as large as that of an ordinary process on each of so many processors.
    case share(cores: Int)

    var controller: ControlGroupController {
        switch self {
        case .memory: .memory
        case .pids: .pids
        case .cpu, .share: .cpu
        }
    }

    struct Line: Equatable {
        var file: String
        var text: String
        /// Whether the file may be missing: not every kernel counts what has been swapped out.
        var isOptional = false
        /// Whether the kernel refuses it where the group above has less; that holds then.
        var yieldsToLess = false
    }

    /// Names and units: the kernel's documents on control groups, versions 1 and 2.
    func lines(isUnified: Bool) -> [Line] {
        switch (self, isUnified) {
        case (.memory(let bytes), true):
            [
                Line(file: "memory.max", text: "\(bytes)"),
                Line(file: "memory.swap.max", text: "0", isOptional: true),
            ]
        case (.memory(let bytes), false):
            [
                Line(file: "memory.limit_in_bytes", text: "\(bytes)"),
                // With what has been swapped out; a little more, as only the limit above is counted when it is met.
                Line(file: "memory.memsw.limit_in_bytes", text: "\(bytes + (1 << 20))", isOptional: true),
            ]
        case (.pids(let count), _): [Line(file: "pids.max", text: "\(count)")]
        case (.cpu(let quota, let period), true): [Line(file: "cpu.max", text: "\(quota) \(period)")]
        case (.cpu(let quota, let period), false):
            [
                Line(file: "cpu.cfs_period_us", text: "\(period)"),
                Line(file: "cpu.cfs_quota_us", text: "\(quota)", yieldsToLess: true),
            ]
        // Groups stand beside groups there, and have equal claims.
        case (.share, true): []
        case (.share(let cores), false): [Line(file: "cpu.shares", text: "\(min(262_144, 1_024 * cores))")]
        }
    }
}
