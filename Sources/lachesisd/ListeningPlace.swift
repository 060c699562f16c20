import NIOCore

/// Where the server is to listen.
enum ListeningPlace {
    /// Whether only this machine reaches it; names are looked up as NIO does when it listens.
    /// - Throws: `CommandError` if the name denotes no address.
    static func isLoopback(_ host: String, port: Int) throws(CommandError) -> Bool {
        let address: SocketAddress
        do { address = try SocketAddress.makeAddressResolvingHost(host, port: port) } catch {
            throw CommandError("--host: '\(host)' is no address, nor a name that leads to one")
        }
        switch address {
        case .v4: return address.ipAddress?.hasPrefix("127.") == true
        case .v6: return address.ipAddress == "::1"
        case .unixDomainSocket: return true
        }
    }
}
