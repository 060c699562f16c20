internal import LachesisModel

/// `/`: all batteries.
package struct FleetPage: Page {
    package let title = "Fleet"
    package let template = "fleet"
    package let script: String? = "fleet.js"
    package let place = PagePlace.fleet
    let batteries: [BatteryFacts]
    let missingLayers: [String]

    /// - Parameter missingLayers: layers of the sandbox that workers go without.
    package init(batteries: [BatteryFacts], missingLayers: [String]) {
        (self.batteries, self.missingLayers) = (batteries, missingLayers)
    }

    package var content: [String: any Sendable] {
        var content: [String: any Sendable] = [
            "batteries": batteries.map(Self.row), "isEmpty": batteries.isEmpty,
            "count": Wording.count(batteries.count), "isOne": batteries.count == 1,
        ]
        content["missingLayers"] = missingLayers.isEmpty ? nil : missingLayers.joined(separator: ", ")
        return content
    }

    private static func row(_ battery: BatteryFacts) -> [String: any Sendable] {
        let stats = battery.stats
        var row: [String: any Sendable] = [
            "name": battery.name, "path": battery.pathPart, "rowCount": Wording.count(stats.rows), "rows": stats.rows,
        ]
        if let received = stats.lastReceived {
            row["seen"] = Wording.time(received)
        }
        guard let estimator = battery.estimator else { return row }
        let names = estimator.description.stateNames
        row["version"] = estimator.registered.version
        row["phase"] = estimator.phase
        row["waiting"] = estimator.waiting > 0 ? Wording.count(estimator.waiting) : nil
        row["warnings"] = estimator.warnings
        row["warningCount"] = estimator.warnings.count
        if let state = StateGroup.health(among: names) {
            let kind = StateKind(name: names[state])
            row["health"] =
                [
                    "state": state, "label": kind.label, "unit": kind.unit, "text": estimator.measure(state),
                    "mean": estimator.mean(state).map { "\($0)" } ?? "",
                ] as [String: any Sendable]
        }
        return row
    }
}
