import Glibc
import Synchronization

/// The text of the field `Date` (RFC 9110, 6.6.1), made once a second however many responses there are.
final class DateField: Sendable {
    private let latest = Mutex((second: 0, text: ""))

    var text: String {
        let now = time(nil)
        return latest.withLock { latest in
            if latest.second != now { latest = (now, Self.text(now)) }
            return latest.text
        }
    }

    /// In English, as nobody in this process asks for another locale.
    static func text(_ seconds: time_t) -> String {
        var (seconds, parts) = (seconds, tm())
        gmtime_r(&seconds, &parts)
        return String(unsafeUninitializedCapacity: 32) { buffer in
            buffer.withMemoryRebound(to: CChar.self) {
                strftime($0.baseAddress, 32, "%a, %d %b %Y %H:%M:%S GMT", &parts)
            }
        }
    }
}
