package import Logging
internal import ServiceLifecycle

/// `audit.jsonl` in the data folder: who did what, one line of JSON each, appended by one task, readable for its owner only.
///
/// The file is bounded in size: before the line that would be too much it is renamed, and so are those before it, of which the last
/// few are kept. Lines are not forced to the disk. If they cannot be written, the requests that they tell of are answered all the same, and
/// the server's log says so.
package struct AuditLog: Service {
    /// Entries that may wait to be written; what comes on top is left out, and the server's log says how many.
    static let capacity = 1_024

    /// How much is kept, in files of a bounded size.
    package struct Configuration: Sendable {
        /// Bytes of one file; a longer line has one to itself. Default 16 MiB, at least 4 KiB.
        package var maxBytes = 16 << 20
        /// Files that are kept beside the one that is written, at least one; the oldest beyond is deleted. Default 8.
        package var olderFiles = 8

        package init() {}
    }

    private let file: AuditFile
    private let configuration: Configuration
    private let logger: Logger
    private let entries: AsyncStream<AuditEntry>
    private let continuation: AsyncStream<AuditEntry>.Continuation

    package init(folder: String, configuration: Configuration, logger: Logger) {
        file = AuditFile(folder: folder)
        (self.configuration, self.logger) = (configuration, logger)
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
                    try file.append(entry.line, rotation: configuration)
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

    /// Writes an entry at once, for commands, also while a server is running, to which rotating is left.
    /// - Throws: `AuditError`.
    package static func append(_ entry: AuditEntry, folder: String) throws(AuditError) {
        try AuditFile(folder: folder).append(entry.line)
    }
}
