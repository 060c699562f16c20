/// Where the kernel's hierarchies of control groups are mounted, and where in each this process is.
///
/// Read from what `/proc/self/mountinfo` and `/proc/self/cgroup` say; formats: proc(5), cgroups(7).
struct ControlGroupMounts: Equatable {
    struct Hierarchy: Equatable {
        /// Path of this process's own group.
        var folder: String
        /// Whether it is the unified hierarchy (version 2), which holds all controllers that version 1 has not taken.
        var isUnified: Bool
        /// Of version 1, those that are mounted here; of version 2 the folder's file tells.
        var controllers: Set<String>
    }

    var hierarchies: [Hierarchy]

    init(mounts: String, groups: String) {
        let own = groups.split(separator: "\n").compactMap { line -> (controllers: Set<String>, path: String)? in
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { return nil }
            return (Set(parts[1].split(separator: ",").map(String.init)), String(parts[2]))
        }
        hierarchies = mounts.split(separator: "\n").compactMap { line in
            guard let mount = Mount(line) else { return nil }
            let found = own.first {
                mount.isUnified ? $0.controllers.isEmpty : !$0.controllers.isDisjoint(with: mount.options)
            }
            guard let found, let below = Self.path(found.path, below: mount.root) else { return nil }
            return Hierarchy(
                folder: mount.point + below, isUnified: mount.isUnified,
                controllers: found.controllers)
        }
    }

    /// The path of a group below the one that is mounted; nil if it is not there to be seen.
    private static func path(_ path: String, below root: String) -> String? {
        let root = root == "/" ? "" : root
        guard path == root || path.hasPrefix(root + "/") else { return nil }
        let below = path.dropFirst(root.count)
        return below == "/" ? "" : String(below)
    }

    /// A line of mountinfo that mounts control groups.
    private struct Mount {
        let root: String
        let point: String
        let isUnified: Bool
        let options: Set<String>

        init?(_ line: Substring) {
            let words = line.split(separator: " ")
            // Between the sixth word and the hyphen stand optional ones.
            guard let hyphen = words.firstIndex(of: "-"), hyphen >= 6, words.count > hyphen + 3 else { return nil }
            let kind = words[hyphen + 1]
            guard kind == "cgroup" || kind == "cgroup2" else { return nil }
            (root, point) = (Self.unescaped(words[3]), Self.unescaped(words[4]))
            isUnified = kind == "cgroup2"
            options = Set(words[hyphen + 3].split(separator: ",").map(String.init))
        }

        /// Spaces and the like stand there as a backslash and three octal digits.
        private static func unescaped(_ word: Substring) -> String {
            var bytes: [UInt8] = []
            var rest = Substring(word).utf8[...]
            while let byte = rest.popFirst() {
                let digits = rest.prefix(3)
                if byte == UInt8(ascii: "\\"), digits.count == 3, let code = UInt8(String(Substring(digits)), radix: 8)
                {
                    bytes.append(code)
                    rest = rest.dropFirst(3)
                } else {
                    bytes.append(byte)
                }
            }
            return String(decoding: bytes, as: UTF8.self)
        }
    }
}
