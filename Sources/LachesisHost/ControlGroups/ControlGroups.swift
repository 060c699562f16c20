internal import Glibc
internal import LachesisModel
internal import LachesisWire

/// The control groups of a host's workers, one a worker: in it the kernel counts all that the worker causes, memory of its folder and
/// of the kernel's own included, and keeps it to its limits.
///
/// They stand below the host's own group, in a group of the host's. Where that cannot be made, workers are held by what the kernel
/// counts for a process alone.
struct ControlGroups: ~Copyable {
    /// What a worker's group may hold beyond memory and folder: pages of the zygote's that it has copied by writing to them.
    private static let sharedBytes = 256 << 20
    /// Of the processor time's bandwidth, µs.
    private static let period = 100_000

    /// This host's group in each hierarchy that has a controller of use.
    private let bases: [ControlGroupBase]
    /// Groups that could not be removed yet: a process in them was still ending.
    private var doomed: [String] = []

    let report: ControlGroupReport

    /// Makes the host's own groups, and removes those of hosts that have died.
    init() {
        (bases, report) = Self.prepare(
            ControlGroupMounts(
                mounts: KernelFile.read("/proc/self/mountinfo") ?? "",
                groups: KernelFile.read("/proc/self/cgroup") ?? ""))
    }

    var hasDoomed: Bool { !doomed.isEmpty }

    /// Puts a worker into a group of its own, before it has been sent anything.
    /// - Parameter pid: the machine's number; 0 if it cannot be told.
    /// - Returns: why that failed; nil also for a process that has ended.
    func take(_ pid: Int32, as name: String, limits: WorkerLimits) -> String? {
        guard !bases.isEmpty else { return nil }
        guard pid > 0 else { return "it cannot be put into a control group: its process cannot be told from others" }
        for base in bases {
            if let failure = base.make(name) ?? base.limit(name, Self.settings(limits)) ?? base.take(pid, into: name) {
                return "it cannot be put into a control group: \(failure)"
            }
        }
        return nil
    }

    /// Whose memory was used up, so that the kernel ended a process of this group; nil if it ended none.
    func memoryShortage(_ name: String) -> MemoryShortage? { bases.lazy.compactMap { $0.memoryShortage(name) }.first }

    /// Removes the group of a worker that has ended, or is about to.
    mutating func remove(_ name: String) {
        // Not the others that are left, too: of a thousand that end at once each would try all the others' again.
        if !Self.remove(name, from: bases) { doomed.append(name) }
    }

    /// Tries again to remove what was left.
    mutating func sweep() { doomed.removeAll { name in Self.remove(name, from: bases) } }

    /// - Returns: whether it is gone from all.
    private static func remove(_ name: String, from bases: [ControlGroupBase]) -> Bool {
        // Each is tried, whatever became of the one before.
        bases.map { $0.remove(name) }.allSatisfy(\.self)
    }

    /// Removes all groups, as far as their processes have ended.
    mutating func removeAll() {
        sweep()
        for base in bases { base.removeAll() }
    }

    /// Bytes that a worker's group may hold: of its memory, its folder, and the zygote's pages that it has copied.
    static func memoryBytes(_ limits: WorkerLimits) -> Int { limits.memoryBytes + limits.folderBytes + sharedBytes }

    /// What the kernel is to keep a worker to.
    private static func settings(_ limits: WorkerLimits) -> [ControlGroupSetting] {
        [
            .memory(bytes: memoryBytes(limits)), .pids(limits.threads),
            .cpu(quota: max(1_000, Int(limits.cores * Double(period))), period: period),
        ]
    }

    private static func prepare(_ mounts: ControlGroupMounts) -> ([ControlGroupBase], ControlGroupReport) {
        var bases: [ControlGroupBase] = []
        var reasons: [String] = []
        for hierarchy in mounts.hierarchies {
            let had = Set(bases.flatMap(\.controllers))
            do throws(HostError) {
                if let base = try ControlGroupBase(in: hierarchy, beyond: had) { bases.append(base) }
            } catch {
                reasons.append(error.description)
            }
        }
        let had = Set(bases.flatMap(\.controllers))
        let missing = ControlGroupController.allCases.filter { !had.contains($0) }
        guard !missing.isEmpty else { return (bases, ControlGroupReport(controllers: had.map(\.rawValue).sorted())) }
        let names = missing.map(\.rawValue).joined(separator: ", ")
        let reason = reasons.isEmpty ? "this machine has none that could be used" : reasons.joined(separator: "; ")
        return (
            bases,
            ControlGroupReport(
                controllers: had.map(\.rawValue).sorted(), detail: "no control group limits \(names): \(reason)")
        )
    }
}
