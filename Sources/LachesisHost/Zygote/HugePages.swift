internal import Glibc

/// Gathers this process's own memory into huge pages where it can, so that a fork copies a few dozen entries of page tables in place of
/// tens of thousands.
///
/// A worker that writes into such a page still gets 4 KiB of its own and no more. Where the kernel does not know how (before Linux 6.1),
/// nothing changes but the time that a fork takes.
func gatherIntoHugePages() {
    for range in anonymousRanges() {
        var page = (range.lowerBound + hugePage - 1) / hugePage * hugePage
        while page + hugePage <= range.upperBound {
            _ = madvise(UnsafeMutableRawPointer(bitPattern: page), hugePage, collapse)
            page += hugePage
        }
    }
}

private let hugePage = 2 << 20
/// MADV_COLLAPSE, which the C library's headers do not have everywhere.
private let collapse: Int32 = 25

/// Addresses of the heap, and of what else is private, writable and of no file.
private func anonymousRanges() -> [Range<Int>] {
    (KernelFile.read("/proc/self/maps") ?? "").split(separator: "\n").compactMap { line in
        // 7f7b3c9ff000-7f7b3d0ff000 rw-p 00000000 00:00 0 [heap]
        let words = line.split(separator: " ")
        guard words.count >= 5, words[1] == "rw-p", words.count == 5 || words[5] == "[heap]" else { return nil }
        let bounds = words[0].split(separator: "-").compactMap { Int($0, radix: 16) }
        return bounds.count == 2 ? bounds[0]..<bounds[1] : nil
    }
}
