internal import Synchronization

/// A number that only grows.
package final class Tally: Sendable {
    private let count = Atomic<Int>(0)

    package init() {}

    package var value: Int { count.load(ordering: .relaxed) }

    package func add(_ amount: Int) { count.add(amount, ordering: .relaxed) }
}
