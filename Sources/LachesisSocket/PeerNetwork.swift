import NIOCore

/// Whose connections are counted together: those of an IPv4 address, or of an IPv6 network of 64 bits, which is what one customer gets.
///
/// An IPv4 address that is written as an IPv6 one (`::ffff:1.2.3.4`) is the IPv4 address.
enum PeerNetwork: Hashable, Sendable {
    case v4(UInt32)
    case v6(UInt64)
    /// This machine, by whatever address.
    case loopback

    /// - Parameter address: nil, or one that is no internet address, is this machine's: a Unix socket's peer has none.
    init(_ address: SocketAddress?) {
        switch address {
        case .v4(let address):
            self.init(v4: UInt32(truncatingIfNeeded: Self.number(of: address.address, at: 4, bytes: 4)))
        case .v6(let address):
            let high = Self.number(of: address.address, at: 8, bytes: 8)
            switch (high, Self.number(of: address.address, at: 16, bytes: 8)) {
            case (0, 1): self = .loopback
            case (0, let low) where low >> 32 == 0xffff: self.init(v4: UInt32(truncatingIfNeeded: low))
            default: self = .v6(high)
            }
        case .unixDomainSocket, nil:
            self = .loopback
        }
    }

    private init(v4 address: UInt32) { self = address >> 24 == 127 ? .loopback : .v4(address) }

    /// A part of a socket's address as the kernel lays it out, big-endian: an IPv4 address is at byte 4, an IPv6 one at byte 8.
    private static func number<Address>(of address: Address, at offset: Int, bytes count: Int) -> UInt64 {
        withUnsafeBytes(of: address) { $0[offset..<offset + count].reduce(0) { $0 << 8 | UInt64($1) } }
    }
}
