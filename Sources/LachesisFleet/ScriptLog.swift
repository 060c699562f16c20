internal import LachesisModel

/// The latest of what one battery's scripts wrote.
package struct ScriptLog: Sendable {
    /// Which limits of its log a script has met.
    private struct Excess: Equatable {
        var version: Int
        /// What it wrote too fast was cut.
        var rate = false
        /// The oldest of what it wrote had to go.
        var size = false
    }

    /// The oldest first.
    package private(set) var entries: [ScriptLogs.Entry] = []
    /// Bytes that were written and are not among the entries, because there were too many in all or at once.
    package private(set) var dropped = 0
    private var bytes = 0
    /// Whether the last entry's line goes on.
    private var isOpen = false
    private var excess = Excess(version: 0)
    /// As the newest output had them.
    private var (capacity, rate) = (0, 0)

    /// Which limit this version's script met, and its value; nil if none.
    func problem(of version: Int) -> String? {
        guard excess.version == version else { return nil }
        var parts: [String] = []
        if excess.rate {
            parts.append("its output comes faster than \(kibibytes(rate)) KiB/s (log_rate_kb) and is cut")
        }
        if excess.size { parts.append("only the latest \(kibibytes(capacity)) KiB of its output (log_kb) are kept") }
        return parts.isEmpty ? nil : parts.joined(separator: "; ")
    }

    mutating func append(_ bytes: [UInt8], dropped: Int, version: Int, limits: WorkerLimits, time: Double) {
        (capacity, rate) = (limits.logBytes, limits.logRateBytes)
        if excess.version != version { excess = Excess(version: version) }
        if dropped > 0 {
            self.dropped += dropped
            excess.rate = true
            isOpen = false
        }
        if entries.last?.version != version { isOpen = false }
        var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        // Behind the last end of a line there is nothing yet.
        let endsLine = lines.last?.isEmpty == true
        if endsLine { lines.removeLast() }
        for line in lines {
            let text = String(decoding: line, as: UTF8.self)
            if isOpen {
                entries[entries.count - 1].text += text
                self.bytes += text.utf8.count
            } else {
                entries.append(ScriptLogs.Entry(time: time, version: version, text: text))
                self.bytes += text.utf8.count + ScriptLogs.overhead
            }
            isOpen = false
        }
        if !lines.isEmpty { isOpen = !endsLine }
        trim()
    }

    /// Lets the oldest go; of a line that is too long by itself, its beginning.
    private mutating func trim() {
        guard bytes > capacity else { return }
        excess.size = true
        var gone = 0
        while bytes > capacity, gone < entries.count - 1 {
            let size = entries[gone].text.utf8.count
            bytes -= size + ScriptLogs.overhead
            dropped += size
            gone += 1
        }
        entries.removeFirst(gone)
        guard bytes > capacity, let last = entries.last else { return }
        let kept = String(decoding: last.text.utf8.suffix(max(0, capacity - ScriptLogs.overhead)), as: UTF8.self)
        dropped += last.text.utf8.count - kept.utf8.count
        bytes -= last.text.utf8.count - kept.utf8.count
        entries[entries.count - 1].text = kept
    }
}

private func kibibytes(_ bytes: Int) -> String { bytes % 1_024 == 0 ? "\(bytes / 1_024)" : "\(Double(bytes) / 1_024)" }
