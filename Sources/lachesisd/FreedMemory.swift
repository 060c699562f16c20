import CMalloc

/// What becomes of memory that this process no longer needs.
enum FreedMemory {
    /// Blocks of so many bytes, such as the records of a burst, are the system's again once they are freed. What one read of a socket
    /// brings is smaller: to get its pages anew each time took half of the time of an upload.
    private static let threshold: Int32 = 256 << 10

    /// Keeps the C library from raising its threshold, as it does on its own after such blocks were freed: blocks that come and go
    /// in a dozen threads' heaps leave them full of holes, which took more than the records themselves.
    static func goesBack() { mallopt(M_MMAP_THRESHOLD, threshold) }
}
