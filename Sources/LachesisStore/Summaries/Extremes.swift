/// The least and the greatest of some rows' numbers, and where they stand; of equal ones the first.
struct Extremes: Sendable, Equatable {
    struct Place: Sendable, Equatable {
        var value: Double
        var sequence: Int64
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
    mutating func add(_ value: Double, _ sequence: Int64) {
        guard !value.isNaN else { return }
        if count == 0 || value < least.value || (value == least.value && sequence < least.sequence) {
            least = Place(value: value, sequence: sequence)
        }
        if count == 0 || value > greatest.value || (value == greatest.value && sequence < greatest.sequence) {
            greatest = Place(value: value, sequence: sequence)
        }
        count += 1
    }

    /// Takes those of other rows.
    mutating func merge(_ other: Extremes) {
        guard other.count > 0 else { return }
        if count == 0 || other.least.value < least.value
            || (other.least.value == least.value && other.least.sequence < least.sequence)
        {
            least = other.least
        }
        if count == 0 || other.greatest.value > greatest.value
            || (other.greatest.value == greatest.value && other.greatest.sequence < greatest.sequence)
        {
            greatest = other.greatest
        }
        count += other.count
    }
}
