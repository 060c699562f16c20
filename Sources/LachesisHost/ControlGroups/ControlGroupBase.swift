internal import Glibc

/// Whose memory was used up when the kernel ended a worker's process.
enum MemoryShortage: Equatable {
    /// The worker's: it met its own limit.
    case ofWorker
    /// The machine's, or that of a group above: the worker was within its limit.
    case ofMachine
}

/// A host's own group in one hierarchy, with a group for each worker below it.
struct ControlGroupBase {
    private static let prefix = "lachesis-"
    /// Where the server's own processes go if the group that they were started in is to have groups below it.
    private static let server = "lachesis-server"

    /// Those of use that limit the groups below.
    let controllers: Set<ControlGroupController>
    private let folder: String
    private let isUnified: Bool

    /// - Parameter had: what another hierarchy limits already.
    /// - Returns: nil if the hierarchy has nothing to offer beyond that.
    /// - Throws: `HostError` `.system` if a group cannot be made there.
    init?(in hierarchy: ControlGroupMounts.Hierarchy, beyond had: Set<ControlGroupController>) throws(HostError) {
        var parent = hierarchy.folder
        isUnified = hierarchy.isUnified
        if isUnified, parent.hasSuffix("/\(Self.server)") { parent.removeLast(Self.server.count + 1) }
        let offered =
            isUnified ? Set(KernelFile.words("\(parent)/cgroup.controllers").map(String.init)) : hierarchy.controllers
        controllers = Set(ControlGroupController.allCases.filter { offered.contains($0.rawValue) }).subtracting(had)
        guard !controllers.isEmpty else { return nil }
        if isUnified {
            // Of a group with groups below it that have limits no process may be a member; the machine's topmost one, which
            // has no type, is exempt.
            if access("\(parent)/cgroup.type", F_OK) == 0 { try Self.clear(parent) }
            try Self.enable(controllers, in: parent)
        }
        Self.removeDead(in: parent)
        folder = "\(parent)/\(Self.prefix)\(getpid())"
        guard mkdir(folder, 0o700) == 0 || errno == EEXIST else { throw .last("making \(folder)") }
        do throws(HostError) {
            if isUnified { try Self.enable(controllers, in: folder) }
            // However many workers there are: together they get what leaves the server's processes theirs.
            let share = ControlGroupSetting.share(cores: max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))))
            if controllers.contains(.cpu), let failure = Self.write(share, isUnified: isUnified, to: folder) {
                throw HostError(.system, failure)
            }
        } catch {
            rmdir(folder)
            throw error
        }
    }

    /// - Returns: what went wrong; so do the others.
    func make(_ name: String) -> String? {
        guard mkdir("\(folder)/\(name)", 0o700) == 0 || errno == EEXIST else {
            return Self.failure("making \(name)", errno)
        }
        return nil
    }

    func limit(_ name: String, _ settings: [ControlGroupSetting]) -> String? {
        for setting in settings where controllers.contains(setting.controller) {
            if let failure = Self.write(setting, isUnified: isUnified, to: "\(folder)/\(name)") { return failure }
        }
        return nil
    }

    func take(_ pid: Int32, into name: String) -> String? {
        switch KernelFile.write("\(pid)", to: "\(folder)/\(name)/cgroup.procs") {
        // It has ended, and nothing is left to be limited.
        case 0, ESRCH: nil
        case let number: Self.failure("entering \(name)", number)
        }
    }

    /// Where the kernel found no more memory, so that it ended a process of the group; nil if it ended none.
    func memoryShortage(_ name: String) -> MemoryShortage? {
        guard controllers.contains(.memory) else { return nil }
        let group = "\(folder)/\(name)"
        let kills = KernelFile.value("oom_kill", in: "\(group)/\(isUnified ? "memory.events" : "memory.oom_control")")
        guard kills ?? 0 > 0 else { return nil }
        // Where a group above has less, or the machine has no more, the kernel may choose one that is within its limits.
        let failures =
            isUnified
            ? KernelFile.value("oom", in: "\(group)/memory.events")
            : KernelFile.words("\(group)/memory.failcnt").first.flatMap { Int($0) }
        return failures ?? 0 > 0 ? .ofWorker : .ofMachine
    }

    /// - Returns: whether it is gone.
    func remove(_ name: String) -> Bool { rmdir("\(folder)/\(name)") == 0 || errno == ENOENT }

    func removeAll() { Self.removeTree(folder) }

    // MARK: Steps

    /// Moves the server's processes out of a group that is theirs alone.
    private static func clear(_ group: String) throws(HostError) {
        let members = KernelFile.words("\(group)/cgroup.procs").compactMap { Int32($0) }
        guard !members.isEmpty else { return }
        // The host, the server that started it, and what started the server in a container.
        let own: Set<Int32> = [getpid(), getppid(), 1]
        guard own.isSuperset(of: members) else {
            throw HostError(
                .system, "\(group) is shared with other processes; a service with delegated groups has one of its own")
        }
        let place = "\(group)/\(server)"
        guard mkdir(place, 0o755) == 0 || errno == EEXIST else { throw .last("making \(place)") }
        for pid in members {
            let number = KernelFile.write("\(pid)", to: "\(place)/cgroup.procs")
            guard number == 0 || number == ESRCH else { throw .system("moving process \(pid) to \(place)", number) }
        }
    }

    private static func enable(_ controllers: Set<ControlGroupController>, in group: String) throws(HostError) {
        let path = "\(group)/cgroup.subtree_control"
        let had = Set(KernelFile.words(path).map(String.init))
        let missing = controllers.map(\.rawValue).filter { !had.contains($0) }.sorted()
        guard !missing.isEmpty else { return }
        let number = KernelFile.write(missing.map { "+\($0)" }.joined(separator: " "), to: path)
        guard number == 0 else { throw .system("passing on \(missing.joined(separator: ", ")) in \(group)", number) }
    }

    private static func write(_ setting: ControlGroupSetting, isUnified: Bool, to group: String) -> String? {
        for line in setting.lines(isUnified: isUnified) {
            let number = KernelFile.write(line.text, to: "\(group)/\(line.file)")
            guard number == 0 || (line.isOptional && number == ENOENT) || (line.yieldsToLess && number == EINVAL) else {
                return failure("writing \(line.text) to \(line.file)", number)
            }
        }
        return nil
    }

    private static func failure(_ what: String, _ number: Int32) -> String {
        HostError.system(what, number).description
    }

    /// Removes what hosts left behind that were killed.
    private static func removeDead(in parent: String) {
        for name in folders(in: parent) where name.hasPrefix(prefix) {
            guard let pid = Int32(name.dropFirst(prefix.count)), kill(pid, 0) != 0, errno == ESRCH else { continue }
            removeTree("\(parent)/\(name)")
        }
    }

    private static func removeTree(_ group: String) {
        for name in folders(in: group) { rmdir("\(group)/\(name)") }
        rmdir(group)
    }

    private static func folders(in path: String) -> [String] {
        guard let stream = opendir(path) else { return [] }
        defer { closedir(stream) }
        var found: [String] = []
        while let entry = readdir(stream) {
            guard entry.pointee.d_type == UInt8(DT_DIR) else { continue }
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(validatingCString: $0) }
            }
            if let name, name != ".", name != ".." { found.append(name) }
        }
        return found
    }
}
