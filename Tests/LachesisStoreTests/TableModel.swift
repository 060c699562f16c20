import LachesisModel

/// What a battery's table must hold, kept as plainly as can be: the rules of records written down a second time.
struct TableModel {
    struct Column: Equatable {
        let name: String
        /// nil while all values are null.
        var type: ColumnType?
    }

    private(set) var columns: [Column] = []
    /// Each record's values by column, without nulls.
    private(set) var rows: [[String: Value]] = []
    private let columnLimit: Int

    init(columnLimit: Int) { self.columnLimit = columnLimit }

    private static let known: [String: ColumnType] = [
        "test_time": .float, "voltage": .float, "state": .text, "cycle_number": .integer,
    ]

    /// Stores records up to the first that cannot be.
    /// - Returns: how many are stored.
    mutating func append(_ records: [Record]) -> Int {
        for (count, record) in records.enumerated() where !store(record) { return count }
        return records.count
    }

    private mutating func store(_ record: Record) -> Bool {
        var trial = columns
        var row: [String: Value] = [:]
        for (key, value) in record where key != "received" {
            if !trial.contains(where: { $0.name == key }) {
                let clashes = (trial.map(\.name) + ["received"]).contains { folded($0) == folded(key) }
                guard !clashes, trial.count < columnLimit else { return false }
                trial.append(Column(name: key, type: Self.known[key]))
            }
            guard let place = trial.firstIndex(where: { $0.name == key }) else { return false }
            guard let stored = admit(value, &trial[place].type) else { return false }
            if stored != .null { row[key] = stored }
        }
        columns = trial
        rows.append(row)
        return true
    }

    /// The value as it is stored; nil if it cannot be.
    private func admit(_ value: Value, _ type: inout ColumnType?) -> Value? {
        switch (value, type) {
        case (.null, _): return .null
        case (.text, nil), (.text, .text):
            type = .text
            return value
        case (.integer, nil), (.integer, .integer):
            type = .integer
            return value
        case (.integer(let integer), .float): return Double(exactly: integer).map { .real($0) }
        case (.real(let real), .integer):
            let isWhole = real.description != "-0.0" && Int64(exactly: real) != nil
            if isWhole { return .integer(Int64(real)) }
            type = .float
            return value
        case (.real, nil), (.real, .float):
            type = .float
            return value
        case (.text, _), (_, .text): return nil
        }
    }

    private func folded(_ key: String) -> String {
        String(
            String.UnicodeScalarView(key.unicodeScalars.map { $0.isASCII ? Unicode.Scalar($0.value | 32) ?? $0 : $0 }))
    }

    // MARK: What a store must tell

    var schema: [TableSchema.Column] {
        guard !rows.isEmpty else { return [] }
        return columns.map { TableSchema.Column(name: $0.name, type: $0.type ?? .float, isProvisional: $0.type == nil) }
            + [TableSchema.Column(name: "received", type: .float)]
    }

    /// Rows by time, those without one first; all of them without bounds.
    func rows(start: Double? = nil, end: Double? = nil, limit: Int? = nil) -> [[Value]] {
        let timed = rows.enumerated().map { (place: $0, time: $1["test_time"]?.exactDouble, row: $1) }
        let kept = timed.filter { item in
            guard let time = item.time else { return start == nil && end == nil }
            return time >= start ?? -.infinity && time <= end ?? .infinity
        }
        let sorted = kept.sorted { left, right in
            let (first, second) = (left.time ?? -.infinity, right.time ?? -.infinity)
            return first == second ? left.place < right.place : first < second
        }
        return sorted.suffix(limit ?? .max).map { item in columns.map { shown(item.row[$0.name], $0.type) } }
    }

    /// A column that became FLOAT gives its integers as doubles, where there is one.
    private func shown(_ value: Value?, _ type: ColumnType?) -> Value {
        guard case .integer(let integer) = value, type == .float else { return value ?? .null }
        return Double(exactly: integer).map { .real($0) } ?? .integer(integer)
    }

    /// The numbers of a column in order of arrival, NaN where there is none.
    func numbers(_ column: String) -> [Double] {
        rows.map { row in
            switch row[column] {
            case .integer(let integer): Double(integer)
            case .real(let real): real
            default: .nan
            }
        }
    }
}
