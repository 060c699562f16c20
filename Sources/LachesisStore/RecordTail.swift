import LachesisModel

/// The latest records of a battery as an estimator reads them, so that one which is up to date needs no look into the database.
///
/// It belongs to the battery's entry, so that it goes back with a transaction that is rolled back. After a start it is empty.
struct RecordTail: Sendable, Equatable {
    /// Records that are kept; where more come at once none is, as nobody who is far behind could use them.
    static let capacity = 16

    /// Where a number of a record stands.
    enum Place {
        case received
        /// Position of a column in the schema.
        case column(Int)
        /// The battery has no such column.
        case nowhere
    }

    private struct Row: Equatable {
        let sequence: Int64
        let received: Double
        /// `[column]` of the schema, NaN where there is no number; columns that are newer are missing.
        let numbers: [Double]

        func number(at place: Place) -> Double {
            switch place {
            case .received: received
            case .column(let position): position < numbers.count ? numbers[position] : .nan
            case .nowhere: .nan
            }
        }
    }

    /// In order, without gaps.
    private var rows: [Row] = []

    var count: Int { rows.count }

    /// Takes the next record.
    /// - Parameters:
    ///   - values: as they were stored.
    ///   - positions: of the values' columns in the schema.
    mutating func append(_ values: [Value], at positions: [Int], received: Double, sequence: Int64) {
        if let last = rows.last, last.sequence + 1 != sequence { rows = [] }
        if rows.count == Self.capacity { rows.removeFirst() }
        var numbers = [Double](repeating: .nan, count: 1 + (positions.max() ?? -1))
        for (value, position) in zip(values, positions) {
            switch value {
            case .real(let real): numbers[position] = real
            case .integer(let integer): numbers[position] = Double(integer)
            case .null, .text: break
            }
        }
        rows.append(Row(sequence: sequence, received: received, numbers: numbers))
    }

    mutating func clear() { rows = [] }

    /// The records behind a sequence, at most `limit`; nil if they are not all here.
    /// - Parameter places: of what is wanted of each record.
    func records(after sequence: Int64, places: [Place], limit: Int) -> RecordMatrix? {
        guard let first = rows.first, first.sequence <= sequence + 1 else { return nil }
        var matrix = RecordMatrix()
        for row in rows.dropFirst(Int(sequence + 1 - first.sequence)).prefix(limit) {
            matrix.sequences.append(row.sequence)
            for place in places { matrix.values.append(row.number(at: place)) }
        }
        return matrix
    }
}
