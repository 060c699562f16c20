/// Hosts of URLs, after the WHATWG's URL standard.
enum URLHost {
    /// Characters that no host may contain as they are.
    private static let forbidden = Set(" #/:<>?@[\\]^|\u{7f}".utf8).union(0..<0x20)

    /// Why this is neither a domain, nor an IPv4 address, nor an IPv6 address in brackets; nil if it is one.
    static func fault(ofDomain host: ArraySlice<UInt8>) -> String? {
        if host.first == UInt8(ascii: "[") { return bracketFault(of: host) }
        guard let domain = String(validating: percentDecoded(host), as: UTF8.self),
            domain.unicodeScalars.allSatisfy({ isAllowedInDomain($0) })
        else { return "invalid international domain name" }
        return endsInNumber(domain) && !isIPv4(domain) ? "invalid IPv4 address" : nil
    }

    /// Why this cannot be the host of a scheme that the standard does not know; nil if it can.
    static func fault(ofOpaque host: ArraySlice<UInt8>) -> String? {
        if host.first == UInt8(ascii: "[") { return bracketFault(of: host) }
        return host.contains(where: { forbidden.contains($0) && $0 > 0x1f && $0 != 0x7f || $0 == 0 })
            ? "invalid domain character" : nil
    }

    private static func bracketFault(of host: ArraySlice<UInt8>) -> String? {
        let isAddress =
            host.last == UInt8(ascii: "]") && isIPv6(String(decoding: host.dropFirst().dropLast(), as: UTF8.self))
        return isAddress ? nil : "invalid IPv6 address"
    }

    private static func isAllowedInDomain(_ scalar: Unicode.Scalar) -> Bool {
        if let byte = UInt8(exactly: scalar.value), byte < 0x80 {
            return !forbidden.contains(byte) && byte != UInt8(ascii: "%")
        }
        switch scalar.properties.generalCategory {
        case .unassigned, .privateUse, .control, .spaceSeparator, .lineSeparator, .paragraphSeparator: return false
        default: return scalar != "\u{fffd}"
        }
    }

    private static func percentDecoded(_ text: ArraySlice<UInt8>) -> [UInt8] {
        var decoded: [UInt8] = []
        var rest = text
        while let byte = rest.popFirst() {
            let digits = rest.prefix(2)
            if byte == UInt8(ascii: "%"), digits.count == 2, isNumber(digits, radix: 16),
                let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
            {
                decoded.append(value)
                rest = rest.dropFirst(2)
            } else {
                decoded.append(byte)
            }
        }
        return decoded
    }

    // MARK: - Addresses

    /// The labels of a host, without the empty one after a final dot.
    private static func labels(_ host: String) -> [Substring] {
        var labels = host.split(separator: ".", omittingEmptySubsequences: false)
        if labels.count > 1, labels.last == "" { labels.removeLast() }
        return labels
    }

    private static func endsInNumber(_ host: String) -> Bool {
        guard let last = labels(host).last, !last.isEmpty else { return false }
        return isNumber(last.utf8, radix: 10) || number(last) != nil
    }

    /// Up to four numbers, decimal, octal (after `0`) or hexadecimal (after `0x`); the last fills the bytes that remain.
    private static func isIPv4(_ host: String) -> Bool {
        let labels = labels(host)
        guard labels.count <= 4 else { return false }
        let numbers = labels.compactMap(number)
        guard numbers.count == labels.count, let last = numbers.last else { return false }
        return numbers.dropLast().allSatisfy { $0 < 256 } && last < 1 << (8 * (5 - UInt64(numbers.count)))
    }

    private static func number(_ label: Substring) -> UInt64? {
        guard !label.isEmpty else { return nil }
        var (digits, radix) = (label, 10)
        if label.hasPrefix("0x") || label.hasPrefix("0X") {
            (digits, radix) = (label.dropFirst(2), 16)
        } else if label.hasPrefix("0"), label.utf8.count > 1 {
            (digits, radix) = (label.dropFirst(), 8)
        }
        if digits.isEmpty { return 0 }
        // A number beyond 64 bits is one still, though no address has it.
        return isNumber(digits.utf8, radix: radix) ? UInt64(digits, radix: radix) ?? .max : nil
    }

    /// Eight groups of up to four hexadecimal digits, the last two perhaps as an IPv4 address; `::` stands for one or more.
    private static func isIPv6(_ text: String) -> Bool {
        let halves = text.split(separator: "::", omittingEmptySubsequences: false)
        let counts = halves.enumerated().map { index, half -> Int? in
            half.isEmpty ? 0 : groupCount(half, isEnd: index == halves.count - 1)
        }
        let sum = counts.reduce(into: Int?(0)) { sum, count in sum = sum.flatMap { sum in count.map { sum + $0 } } }
        guard let sum else { return false }
        return halves.count == 1 ? sum == 8 : halves.count == 2 && sum <= 7
    }

    /// How many groups of 16 bits the text denotes; nil if it is malformed.
    private static func groupCount(_ text: Substring, isEnd: Bool) -> Int? {
        var groups = text.split(separator: ":", omittingEmptySubsequences: false)
        var count = 0
        if isEnd, let last = groups.last, last.contains(".") {
            let octets = last.split(separator: ".", omittingEmptySubsequences: false)
            let isAddress = octets.allSatisfy { octet in
                isNumber(octet.utf8, radix: 10) && UInt8(octet) != nil && (octet == "0" || !octet.hasPrefix("0"))
            }
            guard octets.count == 4, isAddress else { return nil }
            groups.removeLast()
            count = 2
        }
        let areGroups = groups.allSatisfy { (1...4).contains($0.utf8.count) && isNumber($0.utf8, radix: 16) }
        return areGroups ? count + groups.count : nil
    }

    /// Whether these are digits of the radix and at least one, without a sign.
    private static func isNumber(_ digits: some Collection<UInt8>, radix: Int) -> Bool {
        !digits.isEmpty
            && digits.allSatisfy { byte in
                Character(Unicode.Scalar(byte)).hexDigitValue.map { $0 < radix } ?? false
            }
    }
}
