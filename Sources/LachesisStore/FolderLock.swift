internal import Glibc
internal import Synchronization

/// Keeps other servers out of a data folder: a lock on its file `lock`, which the kernel lets go when the process ends.
final class FolderLock: Sendable {
    /// nil once released.
    private let descriptor: Mutex<CInt?>

    /// - Throws: `StoreError` `.locked` if another server holds the folder, `.io` if the file cannot be made.
    init(folder: String) throws(StoreError) {
        let path = folder + "/lock"
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw StoreError(.io, "cannot open '\(path)': \(String(cString: strerror(errno)))")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let reason = errno
            let owner = Self.owner(descriptor)
            Glibc.close(descriptor)
            guard reason == EWOULDBLOCK else {
                throw StoreError(.io, "cannot lock '\(path)': \(String(cString: strerror(reason)))")
            }
            throw StoreError(.locked, "the folder '\(folder)' is in use by another server\(owner)")
        }
        // The file's text is for people only; the lock holds without it.
        let text = "\(getpid())\n"
        _ = ftruncate(descriptor, 0)
        _ = pwrite(descriptor, text, text.utf8.count, 0)
        self.descriptor = Mutex(descriptor)
    }

    deinit { release() }

    func release() {
        descriptor.withLock { descriptor in
            if let open = descriptor { Glibc.close(open) }
            descriptor = nil
        }
    }

    private static func owner(_ descriptor: CInt) -> String {
        var bytes = [UInt8](repeating: 0, count: 16)
        let count = pread(descriptor, &bytes, bytes.count, 0)
        guard count > 0, let pid = Int(String(decoding: bytes.prefix(count), as: UTF8.self).prefix { $0.isNumber })
        else {
            return ""
        }
        return " (process \(pid))"
    }
}
