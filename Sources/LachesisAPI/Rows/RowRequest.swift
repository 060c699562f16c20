internal import Hummingbird
internal import LachesisModel
internal import LachesisStore

/// What the query of `/db/data/{name}` or `/online/history/{name}` asks for: `columns`, `sequence`, `start`, `end`, `after`, `before`,
/// `limit`, `points`, `format`.
struct RowRequest {
    /// Rows that a thinned answer may have.
    static let points = 1...100_000
    private static let parameters = [
        "columns", "sequence", "start", "end", "after", "before", "limit", "points", "format",
    ]

    var selection = RowSelection()
    let format: RowFormat

    /// - Parameters:
    ///   - known: the columns that there are: only by them a comma within a column's name is told from one between two.
    ///   - others: parameters beside those that this reads.
    /// - Throws: `APIError` 422 that names the parameter.
    init(_ request: Request, known: [String], others: [String] = []) throws {
        try request.checkQuery(Self.parameters + others)
        if let text = try request.queryText("format") {
            guard let format = RowFormat(rawValue: text) else {
                let offered = RowFormat.allCases.map(\.rawValue).joined(separator: ", ")
                throw APIError.invalid(["query", "format"], "'\(text)' is not offered; offered are \(offered)")
            }
            self.format = format
        } else {
            format = RowFormat(accept: request.headers[values: .accept])
        }
        (selection.start, selection.end) = (try request.queryNumber("start"), try request.queryNumber("end"))
        selection.after = try request.queryInteger("after", in: .min ... .max)
        selection.before = try request.queryInteger("before", in: .min ... .max)
        selection.limit = try request.queryInteger("limit", in: 0 ... .max).map { Int($0) }
        selection.points = try request.queryInteger(
            "points", in: Int64(Self.points.lowerBound)...Int64(Self.points.upperBound)
        )
        .map { Int($0) }
        selection.hasSequence = try request.queryFlag("sequence") ?? false
        selection.columns = Self.columns(request.queryNames("columns"), known: known)
    }

    private static func columns(_ values: [String], known: [String]) -> [String]? {
        guard !values.isEmpty else { return nil }
        return values.flatMap { value in
            known.contains(value)
                ? [value] : value.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        }
    }
}

extension Request {
    /// A whole number of the query; nil if absent.
    /// - Throws: `APIError` 422 if it stands there more than once, or is none of the range.
    func queryInteger(_ name: String, in range: ClosedRange<Int64>) throws -> Int64? {
        guard let text = try queryText(name) else { return nil }
        guard let number = Int64(text), range.contains(number) else {
            var bounds = ""
            if range.lowerBound > .min { bounds += " from \(range.lowerBound)" }
            if range.upperBound < .max { bounds += " to \(range.upperBound)" }
            throw APIError.invalid(["query", name], "'\(text)' is not a whole number\(bounds)", type: "int_parsing")
        }
        return number
    }
}
