internal import Glibc
internal import LachesisModel
internal import Synchronization

/// How the host logs.
package enum HostLog {
    private static let isJSON = Atomic(false)

    /// From now on each line is a JSON object, as the daemon's are.
    package static func becomeJSON() { isJSON.store(true, ordering: .relaxed) }

    /// A line for the log, with its end.
    static func line(_ message: String) -> [UInt8] {
        guard isJSON.load(ordering: .relaxed) else { return Array("lachesis-host: \(message.onOneLine)\n".utf8) }
        var (now, parts) = (time(nil), tm())
        gmtime_r(&now, &parts)
        var text = [CChar](repeating: 0, count: 32)
        let length = strftime(&text, text.count, "%Y-%m-%dT%H:%M:%SZ", &parts)
        var json = JSONWriter()
        json.beginObject()
        for (key, value) in [
            ("time", String(decoding: text.prefix(length).map(UInt8.init(bitPattern:)), as: UTF8.self)),
            ("level", "warning"), ("logger", "lachesis-host"), ("message", message),
        ] {
            json.key(key)
            json.string(value)
        }
        json.endObject()
        return json.bytes + [UInt8(ascii: "\n")]
    }
}

/// One line on standard error, which is the daemon's too.
func log(_ message: String) {
    let line = HostLog.line(message)
    // Nobody is there to be told if standard error itself fails.
    _ = write(2, line, line.count)
}

/// Time since the machine started, sleep not counted: deadlines do not pass while a laptop's lid is closed.
func monotonicNow() -> Duration {
    var time = timespec()
    guard clock_gettime(CLOCK_MONOTONIC, &time) == 0 else { preconditionFailure("no monotonic clock") }
    return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
}
