import Foundation

/// A folder for sockets and workers' folders that lives as long as the server, and that only its user can enter.
struct RuntimeFolder {
    /// Short, since the path of a Unix socket has at most 107 bytes.
    let path: String

    init() throws {
        let parent = ProcessInfo.processInfo.environment["XDG_RUNTIME_DIR"] ?? "/tmp"
        var template = Array("\(parent)/lachesis-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    func remove() { try? FileManager.default.removeItem(atPath: path) }
}
