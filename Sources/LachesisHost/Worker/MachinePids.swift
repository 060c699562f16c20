internal import Glibc

/// Finds the number that the machine has for a worker: its zygote, in a process namespace of its own, knows it by another.
struct MachinePids {
    /// Children of the zygote that are somebody's already.
    private var known: Set<Int32> = []

    /// - Parameters:
    ///   - number: the worker's in its zygote's namespace.
    ///   - zygote: the zygote's on the machine.
    /// - Returns: 0 if it cannot be told.
    mutating func find(_ number: Int32, of zygote: Int32) -> Int32 {
        let children = Set(Self.children(of: zygote))
        let found = children.subtracting(known).first { Self.numbers(of: $0).dropFirst().first == number }
        known.formIntersection(children)
        if let found { known.insert(found) }
        return found ?? 0
    }

    /// A process's numbers, from this namespace to its own.
    private static func numbers(of pid: Int32) -> [Int32] {
        let lines = read("/proc/\(pid)/status").split(separator: UInt8(ascii: "\n"))
        guard let line = lines.first(where: { $0.starts(with: "NSpid:".utf8) }) else { return [] }
        return integers(line.dropFirst("NSpid:".utf8.count))
    }

    private static func children(of pid: Int32) -> [Int32] { integers(read("/proc/\(pid)/task/\(pid)/children")[...]) }

    private static func integers(_ bytes: ArraySlice<UInt8>) -> [Int32] {
        bytes.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
            .compactMap { Int32(String(decoding: $0, as: UTF8.self)) }
    }

    /// A file's content; nothing if it cannot be read.
    private static func read(_ path: String) -> [UInt8] {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return [] }
        defer { close(file) }
        var (content, buffer): ([UInt8], [UInt8]) = ([], .init(repeating: 0, count: 4096))
        while true {
            let count = Glibc.read(file, &buffer, buffer.count)
            guard count > 0 else { return content }
            content += buffer.prefix(count)
        }
    }
}
