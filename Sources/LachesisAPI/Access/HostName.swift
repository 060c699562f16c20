internal import Glibc

/// A host as it stands in a `Host` or `Origin` field: an address, or a name in lower case without a dot at its end.
enum HostName: Hashable, Sendable {
    /// Four bytes; also an IPv6 address that stands for one (`::ffff:…`), as a socket for both kinds reports it.
    case version4([UInt8])
    /// Sixteen bytes.
    case version6([UInt8])
    case name(String)

    /// An address or a name without a port; IPv6 with or without brackets.
    init?(_ text: some StringProtocol) {
        var text = text.lowercased()
        let isBracketed = text.hasPrefix("[") && text.hasSuffix("]")
        if isBracketed { text = String(text.dropFirst().dropLast()) }
        if text.contains(":") {
            guard let bytes = Self.address(text, AF_INET6, 16) else { return nil }
            let mapped: [UInt8] = Array(repeating: 0, count: 10) + [0xFF, 0xFF]
            self = bytes.starts(with: mapped) ? .version4(Array(bytes.suffix(4))) : .version6(bytes)
            return
        }
        guard !isBracketed else { return nil }
        if let bytes = Self.address(text, AF_INET, 4) {
            self = .version4(bytes)
            return
        }
        if text.hasSuffix(".") { text.removeLast() }
        let isName = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"),
                UInt8(ascii: "."), UInt8(ascii: "_"):
                true
            default: false
            }
        }
        guard isName, !text.isEmpty, text.utf8.count <= 253 else { return nil }
        self = .name(text)
    }

    /// The host of `host`, `host:port`, `[v6]` or `[v6]:port`; nil if the text is anything else.
    init?(authority: some StringProtocol) {
        let text = String(authority)
        var host = Substring(text)
        if let colon = text.lastIndex(of: ":"), !text.hasSuffix("]") {
            let port = text[text.index(after: colon)...]
            guard port.utf8.allSatisfy({ $0 >= 48 && $0 <= 57 }) else { return nil }
            host = text[..<colon]
        }
        // Without brackets, colons would be those of an address that swallowed its port.
        guard host.hasPrefix("[") || !host.contains(":") else { return nil }
        self.init(host)
    }

    /// Whether it denotes this very machine.
    var isLoopback: Bool {
        switch self {
        case .version4(let bytes): bytes[0] == 127
        case .version6(let bytes): bytes == Array(repeating: 0, count: 15) + [1]
        case .name(let name): name == "localhost"
        }
    }

    private static func address(_ text: String, _ family: CInt, _ count: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        return inet_pton(family, text, &bytes) == 1 ? bytes : nil
    }
}
