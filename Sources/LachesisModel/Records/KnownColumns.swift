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

    package static func type(of name: String) -> ColumnType? { types[name] }
}
