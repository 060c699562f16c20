/// States that are drawn in one plot: those of one family, or those whose names differ in an index alone.
package struct StateGroup: Sendable, Equatable {
    package let family: StateKind.Family
    package let title: String
    package let unit: String
    /// Positions among the estimator's states, ascending.
    package var states: [Int]

    /// The groups of an estimator's states: charge, capacity, resistance, then the others in the order of their first state.
    package static func groups(of names: [String]) -> [StateGroup] {
        var order: [String] = []
        var groups: [String: StateGroup] = [:]
        for (position, name) in names.enumerated() {
            let kind = StateKind(name: name)
            let stem = StateKind.split(name).stem
            let key = kind.family == .other ? "other " + stem : kind.family.rawValue
            if groups[key] == nil {
                order.append(key)
                groups[key] = StateGroup(
                    family: kind.family, title: title(kind, stem: stem), unit: kind.unit, states: [])
            }
            groups[key]?.states.append(position)
        }
        let sorted = order.compactMap { groups[$0] }
        return [.charge, .capacity, .resistance, .other].flatMap { family in sorted.filter { $0.family == family } }
    }

    /// Position of the state that stands for a battery's health: its capacity, or else the first that is no transient; nil if
    /// there is none.
    package static func health(among names: [String]) -> Int? {
        let kinds = names.map(StateKind.init(name:))
        return kinds.firstIndex { $0.family == .capacity } ?? kinds.firstIndex { !$0.isTransient }
    }

    private static func title(_ kind: StateKind, stem: String) -> String {
        switch kind.family {
        case .charge: "State of charge"
        case .capacity: "Capacity"
        case .resistance: "Resistance"
        case .other: StateKind(name: stem).label
        }
    }
}
