import Foundation
import LachesisModel
import Logging

/// Writes the log to standard error, one line of JSON an entry: `time`, `level`, `logger`, `message`, and the metadata.
struct JSONLogHandler: LogHandler {
    /// Members of the line that metadata of the same name must not hide.
    private static let own: Set<String> = ["time", "level", "logger", "message"]

    let label: String
    var logLevel = Logger.Level.info
    var metadata: Logger.Metadata = [:]

    init(label: String) { self.label = label }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        StandardError.write(line(event.level, "\(event.message)", event.metadata ?? [:], time: .now))
    }

    func line(_ level: Logger.Level, _ message: String, _ more: Logger.Metadata, time: Date) -> [UInt8] {
        var json = JSONWriter(capacity: 256)
        json.beginObject()
        for (key, text) in [
            ("time", time.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))),
            ("level", level.rawValue), ("logger", label), ("message", message),
        ] {
            json.key(key)
            json.string(text)
        }
        for (key, value) in metadata.merging(more, uniquingKeysWith: { $1 }).sorted(by: { $0.key < $1.key }) {
            json.key(Self.own.contains(key) ? "\(key)_" : key)
            json.string("\(value)")
        }
        json.endObject()
        return json.bytes + [UInt8(ascii: "\n")]
    }
}
