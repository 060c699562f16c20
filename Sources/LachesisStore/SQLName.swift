/// A name as SQL writes it: in double quotes, those within it doubled.
func quoted(_ name: String) -> String {
    var text = "\""
    for character in name.unicodeScalars {
        if character == "\"" { text.unicodeScalars.append(character) }
        text.unicodeScalars.append(character)
    }
    return text + "\""
}

/// So many parameters of a statement.
func marks(_ count: Int) -> String { Array(repeating: "?", count: count).joined(separator: ", ") }

/// Names that the store itself gives within a battery's tables.
enum SQLName {
    /// The key of a battery's records and of its estimates.
    static let sequence = "lachesis_sequence"

    /// The table that holds an estimator's results.
    static func estimates(of battery: String) -> String { battery + "_estimates" }

    /// The index over a battery's `test_time`.
    static func timeIndex(of battery: Int64) -> String { "lachesis_\(battery)_test_time" }

    /// A table on its way out.
    static func doomed(_ number: Int64) -> String { "lachesis_doomed_\(number)" }

    /// What GLOB finds the tables on their way out by.
    static let doomedPattern = "lachesis_doomed_[0-9]*"
}
