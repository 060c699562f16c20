/// By which hosts the server lets itself be called, so that no web page can make a browser ask it for something.
///
/// A page whose own name is made to lead here (DNS rebinding) is betrayed by `Host`, any other page by `Origin`. Ports do not matter.
package struct HostRules: Sendable {
    private let hosts: Set<HostName>

    /// - Parameters:
    ///   - listening: the address or name that the server listens at.
    ///   - allowed: further names and addresses.
    /// - Throws: `HostRuleError` for one of `allowed` that is neither a name nor an address.
    package init(listening: String, allowed: [String]) throws(HostRuleError) {
        var hosts = Set([HostName(listening)].compactMap(\.self))
        for text in allowed {
            guard let host = HostName(authority: text) ?? HostName(text) else {
                throw HostRuleError(description: "'\(text)' is neither a host's name nor an address")
            }
            hosts.insert(host)
        }
        self.hosts = hosts
    }

    /// - Parameter own: this side's address of the connection: where a server listens at all addresses, it is called by any.
    func allows(authority: String, own: @autoclosure () -> String?) -> Bool {
        guard let host = HostName(authority: authority) else { return false }
        return host.isLoopback || hosts.contains(host) || own().map { HostName($0) == host } == true
    }

    /// - Parameter origin: `scheme://host`, with or without a port; `null`, which browsers also send, is not allowed.
    func allows(origin: String, own: @autoclosure () -> String?) -> Bool {
        let parts = origin.split(separator: "://", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, ["http", "https"].contains(parts[0].lowercased()) else { return false }
        return allows(authority: String(parts[1]), own: own())
    }

    /// Whether an origin has this `Host`, port and all; the port of its scheme may be left out of either.
    static func isOrigin(_ origin: String, of authority: String) -> Bool {
        let parts = origin.lowercased().split(separator: "://", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let port = ["http": ":80", "https": ":443"][parts[0]] else { return false }
        func bare(_ text: some StringProtocol) -> String {
            text.hasSuffix(port) ? String(text.dropLast(port.count)) : String(text)
        }
        return bare(parts[1]) == bare(authority.lowercased())
    }
}

/// Why hosts cannot be allowed.
package struct HostRuleError: Error, CustomStringConvertible {
    package let description: String
}
