import LachesisPages
import Testing

@Suite struct StateGroupTests {
    @Test(arguments: [
        ("soc", "charge", "", "State of charge"),
        ("q_t.base_values", "capacity", "Ah", "Capacity"),
        ("r0.base_values[2]", "resistance", "Ω", "Series resistance [2]"),
        ("rc_elements.1.r.base_values", "resistance", "Ω", "RC pair 1 resistance"),
        ("rc_elements.0.c.base_values[0]", "other", "F", "RC pair 0 capacitance [0]"),
        ("r.0.soc_coeffs", "resistance", "Ω", "Resistance 0"),
        ("eta[1]", "other", "V", "RC overpotential [1]"),
        ("i_rc[0]", "other", "A", "RC current [0]"),
        ("cell_temperature", "other", "°C", "Cell temperature"),
        ("ocv.ocv_ref.base_values[3]", "other", "V", "Open-circuit voltage [3]"),
        ("r0.temperature_dependence_factor", "other", "", "r0.temperature_dependence_factor"),
        ("<b>", "other", "", "<b>"), ("", "other", "", ""), ("[0]", "other", "", "[0]"),
    ])
    func aStatesNameTellsWhatItIs(name: String, family: String, unit: String, label: String) {
        let kind = StateKind(name: name)
        #expect(kind.family.rawValue == family)
        #expect(kind.unit == unit)
        #expect(kind.label == label)
    }

    @Test func statesOfAFamilyShareAPlotAndOthersByTheirStem() {
        let names = [
            "soc", "i_rc[0]", "i_rc[1]", "hyst", "q_t.base_values", "r0.base_values[0]", "r0.base_values[1]",
            "rc_elements.0.r.base_values", "x",
        ]
        let groups = StateGroup.groups(of: names)
        #expect(groups.map(\.states) == [[0], [4], [5, 6, 7], [1, 2], [3], [8]])
        #expect(
            groups.map(\.title) == ["State of charge", "Capacity", "Resistance", "RC current", "Hysteresis", "x"])
        #expect(groups.map(\.unit) == ["", "Ah", "Ω", "A", "V", ""])
        #expect(StateGroup.groups(of: []).isEmpty)
    }

    @Test func healthIsTheCapacityOrElseTheFirstThatIsNoTransient() {
        #expect(StateGroup.health(among: ["soc", "hyst", "r0.base_values", "q_t.base_values"]) == 3)
        #expect(StateGroup.health(among: ["soc", "hyst", "r0.base_values"]) == 2)
        #expect(StateGroup.health(among: ["soc", "i_rc"]) == nil)
        #expect(StateGroup.health(among: []) == nil)
    }
}
