internal import LachesisModel

/// `/dashboard/{name}`: one battery. It is made from what is in memory and the metadata; plots load afterwards.
package struct BatteryPage: Page {
    package let template = "battery"
    package let script: String? = "battery.js"
    package let place = PagePlace.elsewhere
    let battery: BatteryFacts
    let metadata: MetadataView?
    /// Why there are no plots; nil if there are.
    let plotProblem: String?

    /// - Parameter metadata: the document as it was registered; nil if none was.
    package init(battery: BatteryFacts, metadata: String?, plotProblem: String?) {
        self.battery = battery
        self.metadata = metadata.flatMap(MetadataView.init(json:))
        self.plotProblem = plotProblem
    }

    package var title: String { battery.name }

    package var content: [String: any Sendable] {
        let stats = battery.stats
        var content: [String: any Sendable] = [
            "name": battery.name, "path": battery.pathPart, "hasData": stats.hasData,
            "rowCount": Wording.count(stats.rows), "rows": stats.rows, "columnCount": stats.columns.count,
            "hasPlots": plotProblem == nil && (stats.hasData || battery.estimator != nil),
        ]
        content["plotProblem"] = plotProblem
        content["plots"] = plots
        if let received = stats.lastReceived {
            content["seen"] = Wording.time(received)
        }
        content["metadata"] = metadata?.nodes
        content["hasMetadata"] = metadata != nil
        if let estimator = battery.estimator { content["estimator"] = Self.content(estimator, capacity: nominal) }
        return content
    }

    /// Nominal capacity, Ah.
    private var nominal: Double? { metadata?.nominalCapacity }

    // MARK: Plots

    private var plots: [[String: any Sendable]] {
        let columns = Set(battery.stats.columns.map(\.name))
        let measured: [(name: String, title: String, unit: String)] = [
            ("voltage", "Voltage", "V"), ("current", "Current", "A"), ("temperature", "Temperature", "°C"),
        ]
        var plots: [[String: any Sendable]] = measured.filter { columns.contains($0.name) }.map { column in
            ["source": "data", "title": column.title, "unit": column.unit, "column": column.name, "note": "measured"]
        }
        guard let estimator = battery.estimator else { return plots }
        if columns.contains("voltage"), let output = Self.voltage(estimator.description.outputNames) {
            plots.append([
                "source": "residual", "output": output, "title": "Voltage residual", "unit": "V",
                "note": "measured − predicted, in the predicted ± 2√S",
            ])
        }
        let names = estimator.description.stateNames
        for group in StateGroup.groups(of: names) {
            var plot: [String: any Sendable] = [
                "source": "history", "title": group.title, "note": "± 2σ",
                "states": group.states.map(String.init).joined(separator: ","),
            ]
            plot["unit"] = group.unit.isEmpty ? nil : group.unit
            plot["nominal"] = group.family == .capacity ? nominal.map { "\($0)" } : nil
            plots.append(plot)
        }
        return plots
    }

    /// Position of the output that predicts what the column `voltage` measures.
    private static func voltage(_ outputs: [String]) -> Int? {
        outputs.firstIndex { $0.lowercased().contains("voltage") }
    }

    // MARK: Estimator

    private static func content(_ estimator: EstimatorFacts, capacity nominal: Double?) -> [String: any Sendable] {
        let (description, counts) = (estimator.description, estimator.snapshot.counts)
        let states: [[String: any Sendable]] = description.stateNames.enumerated().map { state, name in
            let kind = StateKind(name: name)
            return [
                "index": state, "name": name, "label": kind.label, "unit": kind.unit, "text": estimator.measure(state),
            ]
        }
        var content: [String: any Sendable] = [
            "className": description.className, "plugin": estimator.registered.plugin,
            "version": estimator.registered.version, "phase": estimator.phase, "states": states,
            "stateCount": states.count, "outputCount": description.outputNames.count,
            "key": keyFigures(estimator, capacity: nominal),
            "counts": [
                ["id": "stepped", "label": "stepped", "text": Wording.count(counts.stepped)],
                ["id": "skipped", "label": "skipped", "text": Wording.count(counts.skipped)],
                ["id": "failed", "label": "failed", "text": Wording.count(counts.failed)],
                ["id": "waiting", "label": "waiting", "text": Wording.count(estimator.waiting)],
                ["id": "restarts", "label": "restarts", "text": "\(estimator.restarts)"],
            ],
        ]
        content["time"] = estimator.snapshot.latestTime.map(Wording.span)
        content["lastError"] = estimator.lastError
        content["acceleration"] = estimator.acceleration
        content["hasDisagreement"] = estimator.hasDisagreement
        content["checkpointProblem"] = estimator.checkpointProblem
        return content
    }

    /// The first state of each family that people ask for first.
    private static func keyFigures(_ estimator: EstimatorFacts, capacity nominal: Double?) -> [[String: any Sendable]] {
        let names = estimator.description.stateNames
        var first = StateGroup.groups(of: names).filter { $0.family != .other }.compactMap(\.states.first)
        if first.isEmpty { first = Array(names.indices.prefix(3)) }
        return first.map { state in
            let kind = StateKind(name: names[state])
            var figure: [String: any Sendable] = [
                "index": state, "label": kind.label, "unit": kind.unit, "text": estimator.measure(state),
            ]
            if kind.family == .capacity, let nominal {
                figure["nominal"] = "\(nominal)"
                figure["nominalText"] = Wording.plain(nominal)
                figure["share"] = estimator.mean(state).map { Wording.percent($0 / nominal) }
            }
            return figure
        }
    }
}
