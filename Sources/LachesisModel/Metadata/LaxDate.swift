/// Calendar days as pydantic 2 takes them from JSON in its lax mode.
///
/// A day is `YYYY-MM-DD`; or a datetime at midnight, its offset from UTC ignored; or the Unix time of a midnight in UTC,
/// a number or a string: seconds up to 2·10¹⁰, milliseconds beyond. Fractions of a second count to the microsecond.
enum LaxDate {
    /// Unix times of the first second of year 0, the first of year 1 and the last of year 9999, s.
    private static let yearZero = -62_167_219_200.0
    private static let yearOne = -62_135_596_800.0
    private static let end = 253_402_300_799.0
    /// Times beyond are milliseconds.
    private static let watershed = 2e10
    private static let secondsOfDay = 86_400.0

    static func check(_ tree: JSONTree) throws(MetadataFault) {
        switch tree {
        case .integer(let time): try check(time: Double(time))
        case .real(let time): try check(time: time)
        case .string(let text): try check(text)
        case .null, .bool, .hugeInteger, .array, .object: throw .notDate
        }
    }

    private static func check(_ text: String) throws(MetadataFault) {
        if let time = Int64(text) { return try check(time: Double(time)) }
        if text.utf8.contains(UInt8(ascii: ".")), LaxScalars.isDecimal(text.utf8), let time = Double(text) {
            return try check(time: time)
        }
        guard let instant = DateTimeText.read(text) else { throw .unreadableDate }
        guard instant.isMidnight else { throw .dateWithTime }
        guard instant.year > 0 else { throw .yearZero }
    }

    /// - Parameter time: Unix seconds or milliseconds. An integer that no double equals lies beyond year 9999 anyhow.
    private static func check(time: Double) throws(MetadataFault) {
        let isMilliseconds = time.magnitude > watershed
        let unit = isMilliseconds ? 1e3 : 1.0
        var whole = time.rounded(.down)
        var microseconds = ((time - whole) * 1e6 / unit).rounded()
        if microseconds * unit == 1e6 { (whole, microseconds) = (whole + 1, 0) }
        let seconds = (whole / unit).rounded(.down)
        guard seconds >= yearZero, seconds <= end else { throw .unreadableDate }
        let isMidnight = microseconds == 0 && whole.truncatingRemainder(dividingBy: secondsOfDay * unit) == 0
        guard isMidnight else { throw .dateWithTime }
        guard seconds >= yearOne else { throw .yearZero }
    }
}

/// Reads `YYYY-MM-DD`, alone or with a separator (`T`, `t`, `_`, space), `HH:MM[:SS[.fraction]]` and `Z` or an offset.
private struct DateTimeText {
    private var rest: Substring.UnicodeScalarView

    /// - Returns: nil if the text is none of these, or if the day does not exist.
    static func read(_ text: String) -> (year: Int, isMidnight: Bool)? {
        var text = DateTimeText(rest: text[...].unicodeScalars)
        guard let year = text.day() else { return nil }
        if text.rest.isEmpty { return (year, true) }
        guard text.skip("Tt_ "), let isMidnight = text.time(), text.offset(), text.rest.isEmpty else { return nil }
        return (year, isMidnight)
    }

    private mutating func day() -> Int? {
        guard let year = digits(4), skip("-"), let month = digits(2), skip("-"), let day = digits(2) else { return nil }
        guard (1...12).contains(month) else { return nil }
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        let days = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        return (1...days[month - 1]).contains(day) ? year : nil
    }

    /// Whether the time is midnight; its fraction counts to the microsecond. Nil if it is no time.
    private mutating func time() -> Bool? {
        guard let hour = digits(2), hour < 24, skip(":"), let minute = digits(2), minute < 60 else { return nil }
        guard skip(":") else { return hour == 0 && minute == 0 }
        guard let second = digits(2), second < 60 else { return nil }
        var isWhole = true
        if skip(".,") {
            let fraction = rest.prefix { "0"..."9" ~= $0 }
            guard !fraction.isEmpty else { return nil }
            isWhole = fraction.prefix(6).allSatisfy { $0 == "0" }
            rest = rest.dropFirst(fraction.count)
        }
        return hour == 0 && minute == 0 && second == 0 && isWhole
    }

    /// True if an offset from UTC, or none, is next.
    private mutating func offset() -> Bool {
        if rest.isEmpty || skip("Zz") { return true }
        guard skip("+-\u{2212}"), let hour = digits(2) else { return false }
        _ = skip(":")
        guard let minute = digits(2) else { return false }
        return hour < 24 && minute < 60
    }

    private mutating func digits(_ count: Int) -> Int? {
        let digits = rest.prefix(count)
        guard digits.count == count, digits.allSatisfy({ "0"..."9" ~= $0 }) else { return nil }
        rest = rest.dropFirst(count)
        return Int(String(digits))
    }

    /// Skips one scalar if it is among these.
    private mutating func skip(_ scalars: String) -> Bool {
        guard let first = rest.first, scalars.unicodeScalars.contains(first) else { return false }
        rest.removeFirst()
        return true
    }
}
