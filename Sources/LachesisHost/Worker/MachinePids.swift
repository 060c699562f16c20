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
        let lines = (KernelFile.read("/proc/\(pid)/status") ?? "").split(separator: "\n")
        return lines.first { $0.hasPrefix("NSpid:") }.map { integers($0.split { $0 == " " || $0 == "\t" }.dropFirst()) }
            ?? []
    }

    private static func children(of pid: Int32) -> [Int32] {
        integers(KernelFile.words("/proc/\(pid)/task/\(pid)/children")[...])
    }

    private static func integers(_ words: ArraySlice<Substring>) -> [Int32] { words.compactMap { Int32($0) } }
}
