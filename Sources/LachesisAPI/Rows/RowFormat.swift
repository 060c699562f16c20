internal import HTTPTypes

/// How rows are written.
enum RowFormat: String, CaseIterable {
    /// A list of objects.
    case json
    /// An object with the columns and a list of lists.
    case table
    case csv
    /// One msgpack object after the other: `{"columns": …}`, then an array a row.
    case msgpack

    var contentType: String {
        switch self {
        case .json, .table: "application/json"
        case .csv: "text/csv; charset=utf-8"
        case .msgpack: "application/msgpack"
        }
    }

    /// What the name of a file ends with.
    var fileExtension: String { self == .table ? "json" : rawValue }

    /// What `Accept` prefers (RFC 9110, 12.5.1), of media types that stand there in full; `json` if it is none of these.
    init(accept fields: [String]) {
        var best: (format: RowFormat, quality: Double) = (.json, 0)
        for range in fields.flatMap({ $0.split(separator: ",") }) {
            let parts = range.split(separator: ";").map { $0.filter { !$0.isWhitespace }.lowercased() }
            guard let type = parts.first, let format = Self.formats[type] else { continue }
            let quality = parts.dropFirst().first { $0.hasPrefix("q=") }.flatMap { Double($0.dropFirst(2)) } ?? 1
            if quality > best.quality { best = (format, quality) }
        }
        self = best.format
    }

    private static let formats: [String: RowFormat] = [
        "application/json": .json, "text/csv": .csv, "application/msgpack": .msgpack,
        "application/x-msgpack": .msgpack, "application/vnd.msgpack": .msgpack,
    ]
}
