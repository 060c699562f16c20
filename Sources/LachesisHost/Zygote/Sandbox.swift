internal import CSandbox
internal import Glibc
internal import LachesisModel

/// What a zygote prepares once, so that locking a worker in takes few milliseconds.
struct Sandbox {
    /// nil without the layer of namespaces.
    private let ownProcesses: Int32?
    /// Of the zygote's address space.
    private let ownBytes: UInt64
    private var settings: lachesis_lock_in_settings

    /// Gives this process the root that its workers get, compiles their filter, and tries on a worker whether all of it holds.
    ///
    /// From then on this process sees nothing else of the machine: all that workers need must be imported or readable.
    /// - Throws: `HostError` `.sandbox` that names what is missing, and how to have it.
    init(without missing: Set<SandboxLayer>, readable: [String]) throws(HostError) {
        let layers = SandboxLayer.allCases.filter { !missing.contains($0) }
        var settings = lachesis_lock_in_settings()
        settings.layers = layers.reduce(0) { $0 | $1.bit }
        settings.parent = getpid()
        // In a user namespace of its own a zygote is root as well, but of nothing.
        settings.is_root = Self.isMachinesRoot() ? 1 : 0
        (settings.uid, settings.gid) = settings.is_root == 1 ? (Self.nobody, Self.nobody) : (geteuid(), getegid())
        (settings.open_files, settings.folder_entries) = (Self.openFiles, Self.folderEntries)
        ownBytes = try addressSpaceOfThisProcess()
        if layers.contains(.landlock), lachesis_landlock_version() == 0 {
            throw Self.missing(.landlock, "this kernel has no Landlock")
        }
        if layers.contains(.systemCalls) {
            // For as long as the process lives.
            let filter = UnsafeMutablePointer<lachesis_filter>.allocate(capacity: 1)
            guard lachesis_compile_filter(settings.layers, filter) == 0 else {
                throw .last("compiling the filter of system calls")
            }
            settings.filter = UnsafePointer(filter)
        }
        let paths = Self.cStrings(readable)
        settings.readable = paths
        if layers.contains(.namespaces) {
            ownProcesses = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC)
            guard let ownProcesses, ownProcesses >= 0 else { throw .last("opening /proc/self/ns/pid") }
            try Self.enterRoot(paths)
        } else {
            ownProcesses = nil
        }
        self.settings = settings
        try prove()
    }

    /// As fork(2); the child is to call `lockIn` before it runs anything of a script's.
    func fork() -> Int32 { ownProcesses.map { lachesis_fork_apart($0) } ?? lachesis_fork() }

    /// In a worker.
    /// - Parameter folder: its work folder, which it has on the machine if there are no namespaces.
    /// - Returns: its home, or nil after writing to `log` why it cannot be locked in; it must then end.
    func lockIn(_ space: WorkerSpace, socket: Int32, log: Int32, folder: String) -> String? {
        var settings = settings
        (settings.socket, settings.log) = (socket, log)
        (settings.folder_bytes, settings.file_bytes) = (space.folderBytes, space.folderBytes)
        settings.threads = space.threads
        settings.address_bytes = ownBytes &+ space.memoryBytes
        var failed: UnsafePointer<CChar>?
        let result = folder.withCString { path in
            settings.work_folder = path
            return lachesis_lock_in(&settings, &failed)
        }
        if result == 0 { return ownProcesses == nil ? folder : String(cString: lachesis_work_folder) }
        let step = failed.map { String(cString: $0) } ?? ""
        let text = Array("the worker cannot be locked in: \(step): \(String(cString: strerror(errno)))\n".utf8)
        // The pipe may have become standard error already.
        if write(log, text, text.count) < 0 { _ = write(2, text, text.count) }
        return nil
    }

    // MARK: Preparation

    private static let openFiles: UInt64 = 256
    /// Files and folders in a work folder.
    private static let folderEntries: UInt64 = 10_000
    /// A user that owns nothing.
    private static let nobody: UInt32 = 65_534

    private static func isMachinesRoot() -> Bool {
        guard geteuid() == 0 else { return false }
        // A namespace that the host has made for an ordinary user maps that user alone; the initial one, or a container's, others.
        var buffer = [UInt8](repeating: 0, count: 256)
        let file = open("/proc/self/uid_map", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return true }
        defer { close(file) }
        let count = read(file, &buffer, buffer.count)
        let words = buffer.prefix(max(0, count)).split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\n") }
        return !(words.count == 3 && String(decoding: words[2], as: UTF8.self) == "1")
    }

    /// An array of C strings, ended by nil, for as long as the process lives.
    private static func cStrings(_ strings: [String]) -> UnsafePointer<UnsafePointer<CChar>?> {
        let array = UnsafeMutablePointer<UnsafePointer<CChar>?>.allocate(capacity: strings.count + 1)
        for (index, string) in strings.enumerated() { array[index] = UnsafePointer(strdup(string)) }
        array[strings.count] = nil
        return UnsafePointer(array)
    }

    private static func enterRoot(_ readable: UnsafePointer<UnsafePointer<CChar>?>) throws(HostError) {
        guard let staging = getcwd(nil, 0) else { throw .last("getcwd") }
        defer { free(staging) }
        var failed: UnsafePointer<CChar>?
        guard lachesis_enter_root(staging, readable, &failed) == 0 else {
            let reason = String(cString: strerror(errno))
            throw missing(.namespaces, "\(failed.map { String(cString: $0) } ?? ""): \(reason)")
        }
    }

    private static func missing(_ layer: SandboxLayer, _ reason: String) -> HostError {
        HostError(
            .sandbox,
            "the sandbox cannot be built: \(reason). Estimators are not run without it; `--sandbox-without "
                + "\(layer.rawValue)` gives up this layer")
    }

    // MARK: Proof

    /// Locks a process in and has it attempt what a worker must not be able to do.
    private func prove() throws(HostError) {
        let pipe = try DescriptorPair.pipe()
        let null = open("/dev/null", O_RDWR | O_CLOEXEC)
        guard null >= 0 else { throw .last("opening /dev/null") }
        defer { close(null) }
        guard let current = getcwd(nil, 0) else { throw .last("getcwd") }
        let folder = String(cString: current) + "/probe-\(getpid())"
        free(current)
        // Within namespaces a process gets a folder in memory; else one on the machine, which goes with the host's.
        if ownProcesses == nil, mkdir(folder, 0o700) != 0 { throw .last("making \(folder)") }
        let pid = fork()
        if pid == 0 { attempt(null, pipe.far.number, folder) }
        guard pid > 0 else { throw Self.missing(.namespaces, "forking: \(String(cString: strerror(errno)))") }
        let text = finish(pid, consume pipe)
        if ownProcesses == nil { rmdir(folder) }
        guard text.isEmpty else {
            throw HostError(.sandbox, "the sandbox does not hold, and estimators are not run without it: \(text)")
        }
    }

    private func attempt(_ null: Int32, _ log: Int32, _ folder: String) -> Never {
        let space = WorkerSpace(WorkerLimits(ScriptLimits(), within: Limits()))
        guard lockIn(space, socket: null, log: log, folder: folder) != nil else { _exit(71) }
        let number = lachesis_probe(settings.layers)
        if number != 0, let deed = lachesis_deed(number) { _ = write(1, deed, strlen(deed)) }
        _exit(0)
    }

    /// - Returns: what the process had to say; nothing if all is well.
    private func finish(_ pid: Int32, _ pipe: consuming DescriptorPair) -> String {
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        var buffer = [UInt8](repeating: 0, count: 512)
        // All that was written is in the pipe, which is read without waiting.
        let count = read(pipe.near.number, &buffer, buffer.count)
        let text = String(decoding: buffer.prefix(max(0, count)).prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
        return text.isEmpty && status != 0 ? "the process that tried it ended with \(status)" : text
    }
}

extension SandboxLayer {
    fileprivate var bit: Int32 {
        switch self {
        case .namespaces: Int32(lachesis_layer_namespaces)
        case .landlock: Int32(lachesis_layer_landlock)
        case .systemCalls: Int32(lachesis_layer_system_calls)
        case .identity: Int32(lachesis_layer_identity)
        }
    }
}
