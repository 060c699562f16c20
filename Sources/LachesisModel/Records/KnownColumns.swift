/// Columns that battery-data-toolkit 0.4.6 defines for raw data, with the type each takes whatever the first message says.
package enum KnownColumns {
    /// Seconds since the test began. s
    package static let testTime = "test_time"
    /// When the server received the record. Unix seconds, added by the server.
    package static let received = "received"

    private static let types: [String: ColumnType] = [
        "test_time": .float, "voltage": .float, "current": .float, "time": .float, "temperature": .float,
        "internal_resistance": .float, "cycle_time": .float, "cycle_capacity": .float, "cycle_energy": .float,
        "cycle_capacity_charge": .float, "cycle_capacity_discharge": .float,
        "cycle_number": .integer, "file_number": .integer, "step_index": .integer, "substep_index": .integer,
        "state": .text, "method": .text, "received": .float,
    ]

    /// As battery-data-toolkit writes them; `received` has that of its `time`.
    private static let units: [String: String] = [
        "test_time": "s", "voltage": "V", "current": "A", "time": "s", "temperature": "C", "internal_resistance": "ohm",
        "cycle_time": "s", "cycle_capacity": "A-hr", "cycle_energy": "J", "cycle_capacity_charge": "A-hr",
        "cycle_capacity_discharge": "A-hr", "received": "s",
    ]

    /// The unit of a column's numbers; nil if none is defined.
    package static func unit(of name: String) -> String? { units[name] }

    package static func type(of name: String) -> ColumnType? { types[name] }
}
