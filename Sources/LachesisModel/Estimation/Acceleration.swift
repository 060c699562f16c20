/// How much of an estimator's own code a plugin may replace by faster code that computes the same bits; in ascending order.
package enum Acceleration: String, Sendable, Codable, CaseIterable, Comparable {
    /// The estimator runs as its script built it.
    case off
    /// Slow spots of a step are replaced.
    case shortcuts
    /// Whole steps are replaced, where the plugin knows how.
    case full

    package static func < (left: Self, right: Self) -> Bool { left.rank < right.rank }

    private var rank: Int {
        switch self {
        case .off: 0
        case .shortcuts: 1
        case .full: 2
        }
    }

    /// The words, as they are told to people.
    package static var words: String { "off, shortcuts or full" }
}

/// How an estimator is accelerated, from its registration on.
package struct AccelerationState: Sendable, Equatable, Codable {
    /// A replaced step was found to differ from the estimator's own, which took the estimator to a lower level for good.
    package struct Disagreement: Sendable, Equatable, Codable {
        package let level: Acceleration
        /// Which step, and what differed.
        package let reason: String

        package init(level: Acceleration, reason: String) { (self.level, self.reason) = (level, reason) }
    }

    /// Level in use; nil if the plugin has none.
    package var inUse: Acceleration?
    /// Why that is less than what the registration asked for; nil if it is not.
    package var reason: String?
    /// In order; levels only fall, so that there are two at most.
    package var disagreements: [Disagreement] = []

    package init(inUse: Acceleration?, reason: String? = nil) { (self.inUse, self.reason) = (inUse, reason) }

    /// The most that the estimator's next worker may use: what differed once is not tried again.
    package var ceiling: Acceleration { disagreements.last?.level ?? .full }

    /// A step differed.
    package mutating func fell(_ disagreement: Disagreement) {
        disagreements.append(disagreement)
        (inUse, reason) = (disagreement.level, disagreement.reason)
    }

    /// A worker is ready.
    /// - Parameters:
    ///   - level: that it uses, nil if the plugin has none.
    ///   - told: why that is less than it was allowed; nil if it is not.
    ///   - asked: by the registration.
    ///   - most: what the server lets any estimator use.
    package mutating func isReady(at level: Acceleration?, told: String?, asked: Acceleration, most: Acceleration) {
        (inUse, reason) = (level, nil)
        guard let level, level < asked else { return }
        if let told {
            reason = told
        } else if let last = disagreements.last, last.level == level {
            reason = last.reason
        } else if level == most {
            reason = "the server allows no more than '\(most.rawValue)'"
        }
    }
}
