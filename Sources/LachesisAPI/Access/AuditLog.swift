internal import Glibc
package import Logging
internal import ServiceLifecycle

/// `audit.jsonl` in the data folder: who did what, one line of JSON each, appended by one task, readable for its owner only.
///
/// Lines are not forced to the disk. If they cannot be written, the requests that they tell of are answered all the same, and
/// the server's log says so.
package struct AuditLog: Service {
    /// Entries that may wait to be written; what comes on top is left out, and the server's log says how many.
    static let capacity = 1_024

    private let path: String
    private let logger: Logger
    private let entries: AsyncStream<AuditEntry>
    private let continuation: AsyncStream<AuditEntry>.Continuation

    package init(folder: String, logger: Logger) {
        path = Self.path(folder)
        self.logger = logger
        (entries, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(Self.capacity))
    }

    /// Has an entry written, soon.
    func append(_ entry: AuditEntry) {
        if case .dropped = continuation.yield(entry) {
            logger.warning("audit entry left out: too many wait", metadata: ["action": "\(entry.action)"])
        }
    }

    /// Writes until the server shuts down, and then what is left.
    package func run() async {
        await withGracefulShutdownHandler {
            var isFailing = false
            for await entry in entries {
                do throws(AuditError) {
                    try Self.write(entry.line, to: path)
                    isFailing = false
                } catch {
                    // Said once, and not at every request while the disk is full.
                    if !isFailing { logger.error("the audit log cannot be written", metadata: ["error": "\(error)"]) }
                    isFailing = true
                }
            }
        } onGracefulShutdown: {
            continuation.finish()
        }
    }

    /// Writes an entry at once, for commands, also while a server is running.
    /// - Throws: `AuditError`.
    package static func append(_ entry: AuditEntry, folder: String) throws(AuditError) {
        try write(entry.line, to: path(folder))
    }

    private static func path(_ folder: String) -> String { folder + "/audit.jsonl" }

    /// One call writes the whole line at the file's end, so that those of two processes do not mix.
    private static func write(_ line: [UInt8], to path: String) throws(AuditError) {
        let descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw AuditError(path) }
        defer { close(descriptor) }
        var line = line
        // What a full disk cut short is ended first.
        var last: UInt8 = 0
        let end = lseek(descriptor, 0, SEEK_END)
        if end > 0, pread(descriptor, &last, 1, end - 1) == 1, last != UInt8(ascii: "\n") {
            line.insert(UInt8(ascii: "\n"), at: 0)
        }
        guard Glibc.write(descriptor, line, line.count) == line.count else { throw AuditError(path) }
    }
}

/// Why the audit log was not written.
package struct AuditError: Error, CustomStringConvertible {
    package let description: String

    /// What the system's last call that failed says.
    init(_ path: String) { description = "'\(path)': \(String(cString: strerror(errno)))" }
}
