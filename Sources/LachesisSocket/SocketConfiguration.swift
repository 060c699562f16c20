/// Settings of a ``SocketServerChannel``.
package struct SocketConfiguration: Sendable {
    /// Bytes of one message's payload, at most; a larger one closes the socket with 1009. Default 64 KiB and 1 KiB for the envelope.
    package var maxMessageSize = 65 * 1024
    /// Bytes of messages that may wait for the handler before the socket is no longer read. Default 256 KiB.
    package var inboundHighWater = 256 * 1024
    /// How long a connection may take to send its first request, and stay silent between requests or within one. Default 60 s. After
    /// requests that were all the same it may be a twelfth less.
    package var idleTimeout: Duration = .seconds(60)
    /// How long the server waits, in all, for one request's body, at most; then reading it throws ``SlowBody``. Default 300 s.
    package var bodyTimeout: Duration = .seconds(300)
    /// How long it waits for a body of which nothing comes: while it comes, others wait for the memory that it takes. Default 30 s.
    package var bodyGrace: Duration = .seconds(30)
    /// Bytes of a body that make up for a second of waiting beyond ``bodyGrace``. Default 64 KiB.
    package var bodyBytesPerSecond = 65_536.0
    /// Connections that may be open at once; further ones are refused as they come. Default 4096.
    package var maxConnections = 4096
    /// Connections that one IPv4 address, or one IPv6 network of 64 bits, may have open at once. Default nil: an eighth of
    /// ``maxConnections``, and at least 8, so that one address cannot take all places.
    package var maxConnectionsPerPeer: Int?
    /// Whether that holds for loopback too. Default false: a reverse proxy there speaks for many, and local tools are trusted.
    package var countsLoopback = false
    /// What makes it HTTPS; nil, the default, is plain HTTP.
    package var tls: TLSIdentity?
    /// Silence on a WebSocket after which a ping is sent; as long again without a byte, and the connection is given up. Default 30 s.
    package var pingInterval: Duration = .seconds(30)
    /// How long to wait for the peer's answer to a close frame, and for its end of stream after a refusal. Default 1.5 s.
    package var closeTimeout: Duration = .milliseconds(1500)
    /// How long a graceful shutdown waits for HTTP responses under way before it cuts their connections. Default 1.5 s.
    package var shutdownGrace: Duration = .milliseconds(1500)
    /// Bytes of a request's header fields together, and of any one of them. Default 64 KiB.
    package var maxHeaderSize = 64 * 1024

    package init() {}

    /// ``maxConnectionsPerPeer``, or what stands for it.
    var connectionsPerPeer: Int { maxConnectionsPerPeer ?? max(8, maxConnections / 8) }
}
