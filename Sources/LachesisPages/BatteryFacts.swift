internal import Foundation
package import LachesisModel

/// What pages tell of one battery.
package struct BatteryFacts: Sendable {
    package let stats: BatteryStats
    package var estimator: EstimatorFacts?

    package init(stats: BatteryStats, estimator: EstimatorFacts?) { (self.stats, self.estimator) = (stats, estimator) }

    var name: String { stats.name.text }

    /// The name as a part of a path.
    var pathPart: String { Self.pathPart(name) }

    static func pathPart(_ name: String) -> String {
        name.addingPercentEncoding(withAllowedCharacters: inPaths) ?? name
    }

    private static let inPaths = CharacterSet(
        charactersIn: "-_.abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
}

/// What pages tell of one estimator.
package struct EstimatorFacts: Sendable {
    package var registered: RegisteredEstimator
    /// As the status has it.
    package let phase: String
    /// Records that are not stepped yet.
    package let waiting: Int64
    package let restarts: Int
    /// The status' `last_error`.
    package let lastError: String?
    package let checkpointProblem: String?

    package init(
        registered: RegisteredEstimator, phase: String, waiting: Int64, restarts: Int, lastError: String?,
        checkpointProblem: String?
    ) {
        (self.registered, self.phase, self.waiting, self.restarts) = (registered, phase, waiting, restarts)
        (self.lastError, self.checkpointProblem) = (lastError, checkpointProblem)
    }

    var description: EstimatorDescription { registered.description }
    var snapshot: Snapshot { registered.snapshot }

    /// Standard deviation of a state; nil if the covariance does not tell.
    func deviation(_ state: Int) -> Double? {
        let place = state * (description.stateNames.count + 1)
        guard snapshot.covariance.indices.contains(place), snapshot.covariance[place] >= 0 else { return nil }
        return snapshot.covariance[place].squareRoot()
    }

    func mean(_ state: Int) -> Double? { snapshot.mean.indices.contains(state) ? snapshot.mean[state] : nil }

    func measure(_ state: Int) -> String { Wording.measure(mean(state), deviation: deviation(state)) }

    /// `full`, or `off instead of full: why`; nil if the plugin has none. `format.js` says the same of a status.
    var acceleration: String? {
        guard let state = registered.accelerationState, let level = state.inUse else { return nil }
        guard level != registered.acceleration else { return level.rawValue }
        let text = "\(level.rawValue) instead of \(registered.acceleration.rawValue)"
        return state.reason.map { "\(text): \($0)" } ?? text
    }

    /// Whether a step was found to differ from the estimator's own.
    var hasDisagreement: Bool { registered.accelerationState?.disagreements.isEmpty == false }

    /// What befalls records that somebody should look at. Those before a script's valid time are skipped because it says so.
    private var fates: [String] {
        let counts = snapshot.counts
        let skipped = counts.missingValue + counts.late
        let half = (counts.stepped + counts.failed + skipped) / 2
        var fates: [String] = []
        if counts.failed > half {
            fates.append("most steps fail: \(Wording.count(counts.failed))")
        } else if counts.failed > 0 {
            fates.append("\(Wording.count(counts.failed)) failed step\(counts.failed == 1 ? "" : "s")")
        }
        if skipped > half {
            let reason = counts.missingValue >= counts.late ? "values are missing" : "older than those before"
            fates.append("most records are skipped: \(reason)")
        }
        return fates
    }

    /// What somebody should look at, in few words; `fleet.js` says the same of a status.
    var warnings: [String] {
        var warnings: [String] = []
        if phase == "parked" { warnings.append("parked: its script ends again and again") }
        if phase == "unavailable" { warnings.append("its plugin cannot run here") }
        warnings += fates
        if restarts > 0 { warnings.append("\(restarts) restart\(restarts == 1 ? "" : "s")") }
        if checkpointProblem != nil { warnings.append("checkpoint missed") }
        if hasDisagreement { warnings.append("an accelerated step differed") }
        return warnings
    }
}
