internal import Foundation

/// Numbers and times as people read them; `format.js` writes the same in the browser.
package enum Wording {
    /// Mean and standard deviation, the latter with two significant digits: `1.2034 ± 0.0042`; "–" without a mean. Where there is
    /// no room for a line it is broken before the sign.
    package static func measure(_ mean: Double?, deviation: Double?) -> String {
        guard let mean, mean.isFinite else { return "–" }
        guard let deviation, let exponent = exponent(deviation) else { return number(mean) }
        let decimals = 1 - exponent
        guard decimals <= 6, abs(mean) < 1e7, deviation < 1e7 else {
            return shared(mean, deviation)
        }
        let places = max(0, decimals)
        return "\(fixed(mean, places)) ±\u{A0}\(fixed(deviation, places))"
    }

    /// Mean and deviation over one power of ten: `(1.20 ± 0.13)×10⁻⁸`.
    private static func shared(_ mean: Double, _ deviation: Double) -> String {
        let parted = "\(scientific(mean)) ±\u{A0}\(scientific(deviation))"
        guard let exponent = exponent(max(abs(mean), deviation)) else { return parted }
        let scale = pow(10, Double(exponent))
        // Of the least numbers the scale is 0, and beside the greatest the deviation's share of it.
        guard scale.isFinite, scale > 0, let digits = self.exponent(deviation / scale) else { return parted }
        let places = min(9, max(0, 1 - digits))
        return "(\(fixed(mean / scale, places)) ±\u{A0}\(fixed(deviation / scale, places)))×10\(superscript(exponent))"
    }

    /// Of the greatest power of ten that is no greater than `x`; nil unless `x` is finite and above 0.
    private static func exponent(_ x: Double) -> Int? {
        // A script's numbers come here: what is no finite number would end the server when it is made an integer.
        guard x.isFinite, x > 0 else { return nil }
        return Int(log10(x).rounded(.down))
    }

    private static func superscript(_ number: Int) -> String {
        let digits = Array("⁰¹²³⁴⁵⁶⁷⁸⁹")
        let text = String(abs(number)).compactMap(\.wholeNumberValue).map { digits[$0] }
        return (number < 0 ? "⁻" : "") + String(text)
    }

    /// Five significant digits; "–" for what is no finite number.
    package static func number(_ value: Double) -> String {
        guard value.isFinite else { return "–" }
        guard let magnitude = exponent(abs(value)) else { return "0" }
        guard (-4...7).contains(magnitude) else { return scientific(value) }
        return fixed(value, max(0, 4 - magnitude))
    }

    /// Likewise, without zeros at its end: for what was chosen, not measured.
    package static func plain(_ value: Double) -> String {
        let text = number(value)
        guard text.contains("."), !text.contains("e") else { return text }
        let digits = text.reversed().drop { $0 == "0" }.drop { $0 == "." }
        return String(digits.reversed())
    }

    /// Of a whole, with one decimal; "–" for what is no finite number.
    package static func percent(_ share: Double) -> String {
        let number = 100 * share
        return number.isFinite ? fixed(number, 1) : "–"
    }

    /// With thin spaces between thousands.
    package static func count(_ value: some BinaryInteger) -> String {
        let digits = String(value)
        var text = ""
        for (position, digit) in digits.enumerated() {
            if position > 0, (digits.count - position) % 3 == 0 { text += "\u{202F}" }
            text.append(digit)
        }
        return text
    }

    /// A duration in the largest unit that leaves at least one, such as `3.2 h`.
    /// - Parameter seconds: of any sign; "–" for what is no finite number.
    package static func span(_ seconds: Double) -> String {
        guard seconds.isFinite else { return "–" }
        let size = abs(seconds)
        for (unit, length) in [("d", 86_400.0), ("h", 3_600), ("min", 60)] where size >= length {
            return "\(fixed(seconds / length, size / length < 10 ? 2 : 1))\u{202F}\(unit)"
        }
        return "\(number(seconds))\u{202F}s"
    }

    /// `2026-11-25T02:40:00Z`, for machines.
    package static func instant(_ unixSeconds: Double) -> String {
        Date(timeIntervalSince1970: unixSeconds).formatted(.iso8601)
    }

    /// `2026-11-25 02:40:00 UTC`, for people.
    package static func date(_ unixSeconds: Double) -> String {
        date(of: instant(unixSeconds))
    }

    /// A time as templates take it: `unix` in seconds, `instant` and `date`.
    static func time(_ unixSeconds: Double) -> [String: String] {
        let instant = instant(unixSeconds)
        return ["unix": "\(unixSeconds)", "instant": instant, "date": date(of: instant)]
    }

    /// - Parameter instant: with its `T` and `Z`.
    private static func date(of instant: String) -> String {
        instant.split(separator: "T").joined(separator: " ").dropLast() + " UTC"
    }

    private static func fixed(_ value: Double, _ places: Int) -> String {
        let text = String(format: "%.\(places)f", value)
        // What is rounded to zero has no sign.
        guard text.hasPrefix("-"), text.contains(where: { ("1"..."9").contains($0) }) else {
            return String(text.drop { $0 == "-" })
        }
        return "\u{2212}" + text.dropFirst()
    }

    private static func scientific(_ value: Double) -> String {
        String(format: "%.3e", value).replacingOccurrences(of: "-", with: "\u{2212}")
    }
}
