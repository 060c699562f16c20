internal import Synchronization

/// How many of all durations were how long.
package final class Histogram: Sendable {
    package struct Snapshot: Sendable, Equatable {
        /// Upper bounds of the buckets, s, ascending; the last bucket, without a bound, is left out.
        package let bounds: [Double]
        /// Durations in each bucket, not added up; one more than there are bounds.
        package var counts: [Int]
        /// s.
        package var sum = 0.0

        package var count: Int { counts.reduce(0, +) }
    }

    /// From a tenth of a millisecond to ten seconds.
    package static let defaultBounds = [
        0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
    ]

    private let state: Mutex<Snapshot>

    package init(bounds: [Double] = Histogram.defaultBounds) {
        state = Mutex(Snapshot(bounds: bounds, counts: Array(repeating: 0, count: bounds.count + 1)))
    }

    package var snapshot: Snapshot { state.withLock(\.self) }

    /// Takes a duration in, so many times.
    package func observe(_ duration: Duration, count: Int = 1) {
        let seconds = duration / .seconds(1)
        state.withLock { state in
            let place = state.bounds.firstIndex { seconds <= $0 } ?? state.bounds.count
            state.counts[place] += count
            state.sum += seconds * Double(count)
        }
    }
}
