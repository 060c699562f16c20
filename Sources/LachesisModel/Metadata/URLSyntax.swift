/// Whether a text is an absolute URL, after the WHATWG's URL standard, on which pydantic's `AnyUrl` rests.
///
/// Checked are the scheme; for `http`, `https`, `ws`, `wss` and `ftp` also the host, which must not be empty, and the port;
/// for `file` the host; for any other scheme host and port if `//` follows. Paths, queries and fragments may hold
/// anything. Not checked is whether an internationalized host name, or one with an `xn--` label, obeys IDNA: it must only
/// have no character that none may have.
struct URLSyntax {
    private static let hierarchical: Set<String> = ["http", "https", "ws", "wss", "ftp"]
    private static let slashes = Set("/\\".utf8)
    /// What ends the authority of a scheme that the standard knows; a backslash is a slash there.
    private static let ends = Set("/\\?#".utf8)
    private static let otherEnds = Set("/?#".utf8)
    private static let driveMarks = Set(":|".utf8)
    private static let schemeMarks = Set("+-.".utf8)

    /// What follows the scheme's colon.
    private let rest: ArraySlice<UInt8>

    /// Why the text is no URL; nil if it is one.
    static func fault(of text: String) -> String? {
        guard !text.isEmpty else { return "input is empty" }
        var bytes = ArraySlice(Array(text.utf8))
        bytes = bytes.drop { $0 <= 0x20 }
        while let last = bytes.last, last <= 0x20 { bytes.removeLast() }
        bytes.removeAll { $0 == 0x09 || $0 == 0x0a || $0 == 0x0d }
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")), let first = bytes.first, first.isASCIILetter,
            bytes[..<colon].allSatisfy(isSchemeByte)
        else { return "relative URL without a base" }
        let url = URLSyntax(rest: bytes[(colon + 1)...])
        let scheme = asciiLowercased(String(decoding: bytes[..<colon], as: UTF8.self))
        if hierarchical.contains(scheme) { return url.hierarchicalFault() }
        return scheme == "file" ? url.fileFault() : url.otherFault()
    }

    private func hierarchicalFault() -> String? {
        let authority = rest.drop(while: Self.slashes.contains).prefix { !Self.ends.contains($0) }
        return Self.fault(ofAuthority: authority, host: URLHost.fault(ofDomain:))
    }

    private func fileFault() -> String? {
        guard rest.prefix(2).count(where: Self.slashes.contains) == 2 else { return nil }
        let host = rest.dropFirst(2).prefix { !Self.ends.contains($0) }
        let isDrive = host.count == 2 && (host.first ?? 0).isASCIILetter && Self.driveMarks.contains(host.last ?? 0)
        return host.isEmpty || isDrive ? nil : URLHost.fault(ofDomain: host)
    }

    private func otherFault() -> String? {
        guard rest.starts(with: "//".utf8) else { return nil }
        let authority = rest.dropFirst(2).prefix { !Self.otherEnds.contains($0) }
        return authority.isEmpty ? nil : Self.fault(ofAuthority: authority, host: URLHost.fault(ofOpaque:))
    }

    /// - Parameter authority: `user:password@host:port`, host alone required.
    private static func fault(
        ofAuthority authority: ArraySlice<UInt8>, host check: (ArraySlice<UInt8>) -> String?
    ) -> String? {
        let server = authority.lastIndex(of: UInt8(ascii: "@")).map { authority[($0 + 1)...] } ?? authority
        // Colons inside brackets belong to an IPv6 address.
        let searchStart =
            server.first == UInt8(ascii: "[")
            ? server.firstIndex(of: UInt8(ascii: "]")) ?? server.endIndex : server.startIndex
        let colon = server[searchStart...].firstIndex(of: UInt8(ascii: ":")) ?? server.endIndex
        let host = server[..<colon]
        guard !host.isEmpty else { return "empty host" }
        if let fault = check(host) { return fault }
        // A backslash begins the path even where the scheme is unknown and it is no slash elsewhere.
        let port = server[colon...].dropFirst().prefix { $0 != UInt8(ascii: "\\") }.drop { $0 == UInt8(ascii: "0") }
        let isPort =
            port.allSatisfy(\.isASCIIDigit)
            && (port.isEmpty || UInt16(String(decoding: port, as: UTF8.self)) != nil)
        return isPort ? nil : "invalid port number"
    }

    private static func isSchemeByte(_ byte: UInt8) -> Bool {
        byte.isASCIILetter || byte.isASCIIDigit || schemeMarks.contains(byte)
    }
}
