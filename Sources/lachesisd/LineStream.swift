import LachesisModel

/// Standard error for entries of the log as text, each of which is one line, whatever messages and metadata hold: a plugin's traceback
/// does not look like many entries, and no name like another entry.
struct LineStream: TextOutputStream, Sendable {
    /// - Parameter entry: with the end of its line.
    func write(_ entry: String) {
        // By scalars: a carriage return before the end would be one character with it.
        StandardError.write(Array((String(entry.unicodeScalars.dropLast()).onOneLine + "\n").utf8))
    }
}
