/// Numbers that need no text of their own to be read: nearly all that devices send.
enum JSONNumber {
    /// Powers of ten that are exact as doubles.
    private static let powers: [Double] = (0...22).map { exponent in
        (0..<exponent).reduce(1) { power, _ in power * 10 }
    }

    /// A number of few digits without exponent; nil for others.
    ///
    /// A quotient of two exact doubles is rounded once, as reading the digits is (Clinger, "How to read floating point numbers
    /// accurately", 1990).
    /// - Parameter digits: as JSON's grammar has them.
    static func quick(_ digits: ArraySlice<UInt8>, isInteger: Bool) -> JSONTree? {
        guard digits.count <= 17 else { return nil }
        var (mantissa, fraction, isNegative, isPastPoint): (Int64, Int, Bool, Bool) = (0, 0, false, false)
        for byte in digits {
            switch byte {
            case UInt8(ascii: "-"): isNegative = true
            case UInt8(ascii: "."): isPastPoint = true
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                mantissa = mantissa * 10 + Int64(byte - UInt8(ascii: "0"))
                if isPastPoint { fraction += 1 }
            default: return nil
            }
        }
        if isInteger { return .integer(isNegative ? -mantissa : mantissa) }
        guard mantissa <= 1 << 53 else { return nil }
        let real = Double(mantissa) / powers[fraction]
        return .real(isNegative ? -real : real)
    }
}
