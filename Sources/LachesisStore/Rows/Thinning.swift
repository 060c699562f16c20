internal import LachesisModel

/// Which rows of a range stand for all: the first and the last, those of the least and greatest time, and those of the least and
/// greatest number of each column in each of equal parts of the range, its buckets.
///
/// Pure; it is told of rows, or of summaries of them, in any order.
struct Thinning: Sendable {
    /// A range of more rows than this has no bucket smaller than a block, so that it can be thinned from summaries alone.
    static let readableRows: Int64 = 1 << 20

    let range: SequenceRange
    /// Sequences of a bucket.
    let width: Int64
    /// How many columns' extremes are kept.
    let columns: Int
    /// At most so many rows.
    let points: Int
    /// How many rows there are in the range.
    private(set) var count = 0
    private var sequences = Extremes()
    private var times = Extremes()
    /// `[bucket, column]`, row-major.
    private var extremes: [Extremes]
    /// Where the first bucket begins: before the range, if buckets are made of blocks.
    private let origin: Int64

    /// Whether buckets are made of blocks.
    var isOfBlocks: Bool { width % Chunk.blockRows == 0 }

    /// - Parameter columns: from 1.
    init(_ range: SequenceRange, columns: Int, points: Int) {
        (self.range, self.columns, self.points) = (range, columns, points)
        // Four rows are of the whole range.
        let buckets = Int64(max(1, (points - 4) / (2 * columns)))
        let exact = max(1, (range.span + buckets - 1) / buckets)
        if exact >= Chunk.blockRows || range.span > Self.readableRows {
            origin = range.lower / Chunk.blockRows * Chunk.blockRows
            let blocks = (range.upper - origin + Chunk.blockRows - 1) / Chunk.blockRows
            width = max(1, (blocks + buckets - 1) / buckets) * Chunk.blockRows
        } else {
            (origin, width) = (range.lower, exact)
        }
        let used = (range.upper - origin + width - 1) / width
        extremes = Array(repeating: Extremes(), count: Int(max(0, used)) * columns)
    }

    mutating func addRow(_ sequence: Int64, time: Double) {
        count += 1
        sequences.add(Double(sequence), sequence)
        times.add(time, sequence)
    }

    mutating func add(_ place: Extremes.Place, column: Int) {
        extremes[bucket(place.sequence) * columns + column].add(place)
    }

    /// Takes a block that is wholly in the range.
    mutating func addBlock(rows: Extremes, times: Extremes) {
        count += rows.count
        sequences.merge(rows)
        self.times.merge(times)
    }

    mutating func add(_ values: Extremes, column: Int) {
        guard values.count > 0 else { return }
        extremes[bucket(values.least.sequence) * columns + column].merge(values)
    }

    func bucket(_ sequence: Int64) -> Int { Int((sequence - 1 - origin) / width) }

    /// The sequences of the chosen rows, ascending.
    var chosen: [Int64] {
        guard count > 0 else { return [] }
        var (seen, ordered): (Set<Int64>, [Int64]) = ([], [])
        func choose(_ place: Extremes.Place) {
            if ordered.count < points, seen.insert(place.sequence).inserted { ordered.append(place.sequence) }
        }
        // The most important first, for those who ask for very few.
        for whole in [sequences, times] where whole.count > 0 {
            choose(whole.greatest)
            choose(whole.least)
        }
        for values in extremes where values.count > 0 {
            choose(values.least)
            choose(values.greatest)
        }
        return ordered.sorted()
    }
}
