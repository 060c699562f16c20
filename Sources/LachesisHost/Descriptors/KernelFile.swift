internal import Glibc

/// The files in which the kernel tells, and is told: those of `/proc` and of control groups.
enum KernelFile {
    /// - Returns: 0, or what `errno` says.
    static func write(_ text: String, to path: String) -> Int32 {
        let file = open(path, O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { return errno }
        defer { close(file) }
        let bytes = Array(text.utf8)
        // The kernel takes a line whole, or refuses it.
        return Glibc.write(file, bytes, bytes.count) == bytes.count ? 0 : errno
    }

    /// A file's text; nil if it cannot be read.
    static func read(_ path: String) -> String? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var (content, buffer): ([UInt8], [UInt8]) = ([], .init(repeating: 0, count: 4096))
        while true {
            let count = Glibc.read(file, &buffer, buffer.count)
            guard count >= 0 else { return nil }
            guard count > 0 else { return String(decoding: content, as: UTF8.self) }
            content += buffer.prefix(count)
        }
    }

    static func words(_ path: String) -> [Substring] {
        read(path).map { $0.split { $0 == " " || $0 == "\n" } } ?? []
    }

    /// Value of a line `key value`.
    static func value(_ key: String, in path: String) -> Int? {
        let lines = (read(path) ?? "").split(separator: "\n").map { $0.split(separator: " ") }
        return lines.first { $0.count == 2 && $0[0] == key }.flatMap { Int($0[1]) }
    }
}
