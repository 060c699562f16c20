internal import CSandbox
internal import Glibc

/// The folder of one run of a host: its workers' folders are in it, and it goes with the host.
///
/// It is locked as long as the host lives, so that the next host knows a folder that a killed one left behind.
struct RuntimeFolder: ~Copyable {
    /// Entries that one call of `sweep` removes: some milliseconds.
    static let entriesAtOnce = 256
    private static let prefix = "run-"

    let path: String
    private let name: String
    private let base: Descriptor
    private let folder: Descriptor
    /// Folders to remove, relative to base or folder.
    private var doomed: [(isRun: Bool, name: String)] = []

    var hasSweeps: Bool { !doomed.isEmpty }

    /// Makes a folder of its own in `base`, which is made if it is not there, and notes what earlier hosts left there.
    /// - Throws: `HostError` `.configuration` if somebody else could change what is in `base`.
    init(in base: String) throws(HostError) {
        guard mkdir(base, 0o700) == 0 || errno == EEXIST else { throw .last("making \(base)") }
        guard let resolved = realpath(base, nil) else { throw .last("resolving \(base)") }
        let basePath = String(cString: resolved)
        free(resolved)
        let anchor = try Descriptor.folder(basePath)
        let number = anchor.number
        var status = stat()
        guard fstat(number, &status) == 0 else { throw .last("looking at \(basePath)") }
        guard status.st_uid == geteuid(), status.st_mode & 0o022 == 0 else {
            throw HostError(.configuration, "\(basePath) must belong to this user, and nobody else may write into it")
        }
        // Held while a folder is there that is not locked yet.
        guard flock(number, LOCK_EX) == 0 else { throw .last("locking \(basePath)") }
        defer { flock(number, LOCK_UN) }
        var template = Array("\(basePath)/\(Self.prefix)XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw .last("making a folder in \(basePath)") }
        let path = template.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" }
        let folder = try Descriptor.folder(path)
        guard flock(folder.number, LOCK_EX | LOCK_NB) == 0 else { throw .last("locking \(path)") }
        doomed = Self.leftovers(in: basePath, base: number).map { (true, $0) }
        name = String(path.dropFirst(basePath.utf8.count + 1))
        self.path = path
        self.folder = folder
        self.base = anchor
    }

    /// Makes the work folder of a worker.
    /// - Returns: its path.
    func make(_ name: String) throws(HostError) -> String {
        guard mkdirat(folder.number, name, 0o700) == 0 else { throw .last("making the work folder \(name)") }
        return "\(path)/\(name)"
    }

    /// Notes a folder of this run to be removed.
    mutating func doom(_ name: String) { doomed.append((false, name)) }

    /// Removes some of what is to be removed; no symbolic link is followed.
    mutating func sweep() {
        guard let (isRun, name) = doomed.first else { return }
        switch lachesis_sweep(isRun ? base.number : folder.number, name, Int32(Self.entriesAtOnce)) {
        case 0:
            // Turns are taken: a folder with a million files does not keep the others.
            doomed.append(doomed.removeFirst())
        case 1: doomed.removeFirst()
        default:
            log("\(name) in \(path) cannot be removed: \(String(cString: strerror(errno)))")
            doomed.removeFirst()
        }
    }

    /// Removes this run's folder with all that is in it, as far as the time suffices; the next host removes the rest.
    mutating func removeAll(until deadline: Duration) {
        doomed = [(true, name)]
        while hasSweeps, monotonicNow() < deadline { sweep() }
    }

    private static func leftovers(in path: String, base: Int32) -> [String] {
        guard let stream = opendir(path) else { return [] }
        defer { closedir(stream) }
        var found: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(validatingCString: $0) }
            }
            guard let name, name.hasPrefix(prefix) else { continue }
            let number = openat(base, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
            guard number >= 0 else { continue }
            let folder = Descriptor(owning: number)
            // A lock that can be had is nobody's: its host is dead.
            if flock(folder.number, LOCK_EX | LOCK_NB) == 0 { found.append(name) }
        }
        return found
    }
}
