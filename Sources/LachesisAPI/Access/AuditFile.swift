internal import Glibc

/// `audit.jsonl` and the files before it, `audit.jsonl.1` (the youngest) to `audit.jsonl.N`, all readable for their owner only.
///
/// One process rotates, the server; others may append at any time, since a file that is renamed under an open descriptor still takes
/// the line.
struct AuditFile: Sendable {
    let path: String

    init(folder: String) { path = folder + "/audit.jsonl" }

    /// Appends a line in one call, so that those of two processes do not mix.
    ///
    /// - Parameter rotation: the bounds to keep to; nil appends whatever size the file has. A line goes into the old file or the new
    ///   one as a whole, also if rotating fails.
    /// - Throws: `AuditError`, also if only the rotation failed.
    func append(_ line: [UInt8], rotation: AuditLog.Configuration? = nil) throws(AuditError) {
        var failure: AuditError?
        if let rotation, let size = size(of: path), size > 0, size + line.count > rotation.maxBytes {
            do throws(AuditError) { try rotate(keeping: rotation.olderFiles) } catch { failure = error }
        }
        try write(line)
        if let failure { throw failure }
    }

    private func write(_ line: [UInt8]) throws(AuditError) {
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

    /// Renames each file to the next number, up to the first that is free, or over the oldest; what is beyond goes.
    private func rotate(keeping count: Int) throws(AuditError) {
        // A rotation that was cut short leaves a free number, and nothing need be given up for it.
        let last = (1...count).first { size(of: older($0)) == nil } ?? count
        for number in stride(from: last, through: 1, by: -1) {
            let from = number == 1 ? path : older(number - 1)
            guard rename(from, older(number)) == 0 else { throw AuditError(from) }
        }
        // Of a time when more were kept.
        var beyond = count + 1
        while unlink(older(beyond)) == 0 { beyond += 1 }
    }

    private func older(_ number: Int) -> String { "\(path).\(number)" }

    /// In bytes; nil if there is no such file.
    private func size(of path: String) -> Int? {
        var status = stat()
        return lstat(path, &status) == 0 ? Int(status.st_size) : nil
    }
}

/// Why the audit log was not written, or not rotated.
package struct AuditError: Error, CustomStringConvertible {
    package let description: String

    /// What the system's last call that failed says.
    init(_ path: String) { description = "'\(path)': \(String(cString: strerror(errno)))" }
}
