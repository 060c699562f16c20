internal import LachesisModel

/// The table of one estimator's results: what its columns are called.
///
/// `lachesis_sequence`, `test_time`, a mean for each state, a standard deviation (`…_std`) for each state, then both for each output.
/// Names follow ROVI-org's demonstration: `.` becomes `__`, brackets go. Where SQLite would take two names for one, the later one
/// gets `_2`, `_3` and so on.
struct EstimateTable: Sendable, Equatable {
    let name: String
    /// All but `lachesis_sequence`.
    let columns: [String]
    let states: Int
    let outputs: Int

    /// SQLite's bound on columns of a table.
    static let maximumColumns = 2_000

    /// - Throws: `Refusal` if the states and outputs are more than a table can hold.
    init(battery: BatteryName, description: EstimatorDescription) throws(Refusal) {
        name = SQLName.estimates(of: battery.text)
        (states, outputs) = (description.stateNames.count, description.outputNames.count)
        let width = 2 + 2 * (states + outputs)
        guard width <= Self.maximumColumns else {
            throw Refusal(
                .unstorable,
                "\(states) states and \(outputs) outputs need a table of \(width) columns; SQLite allows \(Self.maximumColumns)"
            )
        }
        var taken: Set<String> = [SQLName.sequence, KnownColumns.testTime]
        var columns = [KnownColumns.testTime]
        func add(_ wanted: String) {
            var (name, count) = (wanted, 1)
            while !taken.insert(asciiLowercased(name)).inserted {
                count += 1
                name = "\(wanted)_\(count)"
            }
            columns.append(name)
        }
        let states = description.stateNames.enumerated().map { Self.stem($1, else: "state_\($0 + 1)") }
        for state in states { add(state) }
        for state in states { add(state + "_std") }
        for (position, output) in description.outputNames.enumerated() {
            let stem = Self.stem(output, else: "output_\(position + 1)")
            add(stem)
            add(stem + "_std")
        }
        self.columns = columns
    }

    /// A state's name as a column's: a worker may have sent anything, so control characters go and the length is bounded.
    private static func stem(_ name: String, else substitute: String) -> String {
        var stem = ""
        for scalar in name.unicodeScalars.prefix(128) {
            switch scalar {
            case ".": stem += "__"
            case "[", "]": continue
            default:
                if scalar.properties.generalCategory != .control { stem.unicodeScalars.append(scalar) }
            }
        }
        return stem.isEmpty ? substitute : stem
    }
}
