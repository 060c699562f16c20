/// A name as SQL writes it: in double quotes, those within it doubled.
func quoted(_ name: String) -> String {
    var text = "\""
    for character in name.unicodeScalars {
        if character == "\"" { text.unicodeScalars.append(character) }
        text.unicodeScalars.append(character)
    }
    return text + "\""
}

/// Names that the store itself gives within a battery's tables.
enum SQLName {
    /// The key of a battery's records and of its estimates.
    static let sequence = "lachesis_sequence"

    /// The table that holds an estimator's results.
    static func estimates(of battery: String) -> String { battery + "_estimates" }

    /// The index over a battery's `test_time`.
    static func timeIndex(of battery: Int64) -> String { "lachesis_\(battery)_test_time" }
}
