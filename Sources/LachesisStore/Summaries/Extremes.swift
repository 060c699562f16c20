/// The least and the greatest of some rows' numbers, and where they stand; of equal ones the first.
struct Extremes: Sendable, Equatable {
    struct Place: Sendable, Equatable {
        /// An integer's nearest double.
        let value: Double
        /// What an integer is greater than that: beyond 2^53 many have the same double.
        let rest: Int16
        let sequence: Int64

        init(value: Double, rest: Int16 = 0, sequence: Int64) {
            (self.value, self.rest, self.sequence) = (value, rest, sequence)
        }

        init(integer: Int64, sequence: Int64) {
            value = Double(integer)
            // No more than 512 either way. 2^63 is no integer of 64 bits.
            rest =
                value < 0x1p63
                ? Int16(truncatingIfNeeded: integer - Int64(value)) : Int16(truncatingIfNeeded: integer - .max) - 1
            self.sequence = sequence
        }

        func isLess(than other: Place) -> Bool {
            value < other.value || (value == other.value && rest < other.rest)
        }
    }

    /// How many rows have a number.
    private(set) var count = 0
    /// Without meaning while there is no number; likewise `greatest`.
    private(set) var least = Place(value: .infinity, sequence: 0)
    private(set) var greatest = Place(value: -.infinity, sequence: 0)

    init() {}

    init(count: Int, least: Place, greatest: Place) {
        (self.count, self.least, self.greatest) = (count, least, greatest)
    }

    /// Takes a row's number, which may be NaN: then the row has none.
    mutating func add(_ value: Double, _ sequence: Int64) { add(Place(value: value, sequence: sequence)) }

    mutating func add(_ place: Place) {
        guard !place.value.isNaN else { return }
        take(least: place, greatest: place)
        count += 1
    }

    /// Takes those of other rows.
    mutating func merge(_ other: Extremes) {
        guard other.count > 0 else { return }
        take(least: other.least, greatest: other.greatest)
        count += other.count
    }

    private mutating func take(least lower: Place, greatest upper: Place) {
        if count == 0 || lower.isLess(than: least) || (!least.isLess(than: lower) && lower.sequence < least.sequence) {
            least = lower
        }
        if count == 0 || greatest.isLess(than: upper)
            || (!upper.isLess(than: greatest) && upper.sequence < greatest.sequence)
        {
            greatest = upper
        }
    }
}
