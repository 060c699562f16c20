internal import Hummingbird
internal import LachesisModel
internal import LachesisStore

/// What the query of `/db/data/{name}` or `/online/history/{name}` asks for: `columns`, `sequence`, `start`, `end`, `after`, `before`,
/// `limit`, `points`, `format`.
struct RowRequest {
    private static let parameters = ["columns", "sequence", "limit", "format"] + RowSelection.rangeParameters

    private(set) var selection: RowSelection
    let format: RowFormat

    /// - Parameter known: the columns that there are: only by them a comma within a column's name is told from one between two.
    /// - Throws: `APIError` 422 that names the parameter.
    init(_ request: Request, known: [String]) throws {
        try request.checkQuery(Self.parameters)
        if let text = try request.queryText("format") {
            guard let format = RowFormat(rawValue: text) else {
                let offered = RowFormat.allCases.map(\.rawValue).joined(separator: ", ")
                throw APIError.invalid(["query", "format"], "'\(text)' is not offered; offered are \(offered)")
            }
            self.format = format
        } else {
            format = RowFormat(accept: request.headers[values: .accept])
        }
        selection = try RowSelection(rangeOf: request)
        selection.limit = try request.queryInteger("limit", in: 0 ... .max).map { Int($0) }
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

extension RowSelection {
    /// Rows that a thinned answer may have.
    private static let allowedPoints: ClosedRange<Int64> = 1...100_000
    static let rangeParameters = ["start", "end", "after", "before", "points"]

    /// The range that `rangeParameters` of the query ask for, and how far it is thinned.
    /// - Throws: `APIError` 422 that names the parameter.
    init(rangeOf request: Request) throws {
        self.init(start: try request.queryNumber("start"), end: try request.queryNumber("end"))
        after = try request.queryInteger("after", in: .min ... .max)
        before = try request.queryInteger("before", in: .min ... .max)
        points = try request.queryInteger("points", in: Self.allowedPoints).map { Int($0) }
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
