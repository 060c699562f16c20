package import LachesisModel
internal import Synchronization

/// What scripts wrote to their standard output and error since the server's start, by battery; the latest 64 KiB of each.
package final class ScriptLogs: Sendable {
    package struct Entry: Sendable, Equatable {
        /// When its beginning came. Unix seconds.
        package var time: Double
        /// Of the estimator whose script wrote it.
        package var version: Int
        /// A line, without its end; of a line that has not ended, so much as has come.
        package var text: String
    }

    /// A battery's log.
    package struct Log: Sendable {
        /// The oldest first.
        package fileprivate(set) var entries: [Entry] = []
        /// Bytes that were written and are not among the entries, because there were too many in all or at once.
        package fileprivate(set) var dropped = 0
        fileprivate var bytes = 0
        /// Whether the last entry's line goes on.
        fileprivate var isOpen = false
    }

    /// Bytes of one battery's log. 64 KiB.
    package static let capacity = 64 << 10
    /// Bytes that an entry takes beside its text, so that a flood of empty lines is bounded too.
    fileprivate static let overhead = 32

    private let logs = Mutex<[String: Log]>([:])

    package init() {}

    package func log(of battery: BatteryName) -> Log? { logs.withLock { $0[battery.text] } }

    func remove(_ battery: BatteryName) { logs.withLock { $0[battery.text] = nil } }

    /// - Parameters:
    ///   - bytes: what is not UTF-8 becomes U+FFFD.
    ///   - dropped: bytes before them that were cut.
    ///   - time: Unix seconds.
    func append(_ bytes: [UInt8], dropped: Int, to battery: String, version: Int, time: Double) {
        logs.withLock { logs in
            // In place: a copy of the whole log for every line would make a chatty script everybody's affair.
            logs[battery, default: Log()].append(bytes, dropped: dropped, version: version, time: time)
        }
    }
}

extension ScriptLogs.Log {
    /// Lets the oldest go.
    private mutating func trim() {
        var gone = 0
        while bytes > ScriptLogs.capacity, gone < entries.count {
            let size = entries[gone].text.utf8.count
            bytes -= size + ScriptLogs.overhead
            dropped += size
            gone += 1
        }
        entries.removeFirst(gone)
        if entries.isEmpty { isOpen = false }
    }

    fileprivate mutating func append(_ bytes: [UInt8], dropped: Int, version: Int, time: Double) {
        if dropped > 0 {
            self.dropped += dropped
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
}
