/// What a state's name tells: what it measures, in which unit, and what people call it.
///
/// Names are those of Moirae's models (`soc`, `q_t.base_values`, `rc_elements.0.r.base_values[3]`, Thevenin's `eta[1]`) and what
/// authors of other scripts are likely to choose; a name that is not known is a state without unit, called by its name.
package struct StateKind: Sendable, Equatable {
    /// States of one family share a plot.
    package enum Family: String, Sendable {
        case charge, capacity, resistance, other
    }

    package let family: Family
    /// For people; empty where none is known.
    package let unit: String
    package let label: String
    /// Whether it changes with every record, instead of with the battery's age.
    package let isTransient: Bool

    package init(name: String) {
        let (stem, index) = Self.split(name)
        let path = stem.lowercased().split(separator: ".").map(String.init)
        let known = Self.known(path)
        family = known?.family ?? .other
        unit = known?.unit ?? ""
        isTransient = known?.isTransient ?? false
        label = (known?.label ?? stem) + (index.isEmpty ? "" : " \(index)")
    }

    /// The name without the index at its end, and the index: `("eta", "[1]")`.
    package static func split(_ name: String) -> (stem: String, index: String) {
        guard name.hasSuffix("]"), let bracket = name.lastIndex(of: "["), bracket > name.startIndex else {
            return (name, "")
        }
        return (String(name[..<bracket]), String(name[bracket...]))
    }

    private struct Known {
        let family: Family
        let unit: String
        let label: String
        var isTransient = false
    }

    /// - Parameter path: the name's parts in lower case.
    private static func known(_ path: [String]) -> Known? {
        guard let first = path.first else { return nil }
        // A coefficient of how something depends on temperature is not that something.
        if let last = path.last, path.count > 1, derived.contains(last) { return nil }
        if first == "rc_elements", path.count > 2 { return circuitPair(number: path[1], part: path[2]) }
        // Thevenin's resistors and capacitors, the first resistor being the one in series.
        if first == "r", path.count > 1 { return Known(family: .resistance, unit: "Ω", label: "Resistance \(path[1])") }
        if first == "c", path.count > 1 { return Known(family: .other, unit: "F", label: "Capacitance \(path[1])") }
        if first == "ocv" {
            let label = path.dropFirst().first == "ocv_ent" ? "Entropic coefficient" : "Open-circuit voltage"
            return Known(family: .other, unit: label.hasPrefix("Open") ? "V" : "V/K", label: label)
        }
        return names[first]
    }

    private static func circuitPair(number: String, part: String) -> Known? {
        switch part {
        case "r": Known(family: .resistance, unit: "Ω", label: "RC pair \(number) resistance")
        case "c": Known(family: .other, unit: "F", label: "RC pair \(number) capacitance")
        default: nil
        }
    }

    private static let derived: Set<String> = ["temperature_dependence_factor", "reference_temperature", "gamma"]

    private static let names: [String: Known] = {
        var names: [String: Known] = [
            "soc": Known(family: .charge, unit: "", label: "State of charge", isTransient: true),
            "q_t": Known(family: .capacity, unit: "Ah", label: "Capacity"),
            "r0": Known(family: .resistance, unit: "Ω", label: "Series resistance"),
            "r": Known(family: .resistance, unit: "Ω", label: "Resistance"),
            "c0": Known(family: .other, unit: "F", label: "Series capacitance"),
            "ce": Known(family: .other, unit: "", label: "Coulombic efficiency"),
            "h0": Known(family: .other, unit: "V", label: "Greatest hysteresis"),
            "m_hyst": Known(family: .other, unit: "V", label: "Greatest hysteresis"),
            "q0": Known(family: .other, unit: "C", label: "Charge of the series capacitor", isTransient: true),
            "i_rc": Known(family: .other, unit: "A", label: "RC current", isTransient: true),
            "hyst": Known(family: .other, unit: "V", label: "Hysteresis", isTransient: true),
            "eta": Known(family: .other, unit: "V", label: "RC overpotential", isTransient: true),
            "cell_temperature": Known(family: .other, unit: "°C", label: "Cell temperature", isTransient: true),
            "mass": Known(family: .other, unit: "kg", label: "Mass"),
            "c_p": Known(family: .other, unit: "J/(kg K)", label: "Heat capacity"),
            "h_thermal": Known(family: .other, unit: "W/(m² K)", label: "Heat transfer coefficient"),
            "a_therm": Known(family: .other, unit: "m²", label: "Cooled area"),
        ]
        for (alias, name) in [
            ("state_of_charge", "soc"), ("capacity", "q_t"), ("q", "q_t"), ("resistance", "r"), ("r_0", "r0"),
            ("internal_resistance", "r"), ("hysteresis", "hyst"),
        ] {
            names[alias] = names[name]
        }
        return names
    }()
}
