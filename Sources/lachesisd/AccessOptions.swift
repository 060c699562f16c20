import ArgumentParser
import LachesisAPI
import LachesisSocket

/// Who may connect, and how.
struct AccessOptions: ParsableArguments {
    @Option(help: "A further name or address by which clients call this server; may be given more than once.")
    var allowedHost: [String] = []

    @Option(help: "File of the certificate, in PEM, with those that lead to its root behind it; makes it HTTPS.")
    var tlsCertificate: String?

    @Option(help: "File of the certificate's key, in PEM. Both files are read again at SIGHUP.")
    var tlsKey: String?

    @Option(help: "Connections that may be open at once; further ones are closed as they come.")
    var maxConnections = SocketConfiguration().maxConnections

    @Option(help: "Seconds that the server waits, in all, for the body of one request.")
    var bodyTimeout = SocketConfiguration().bodyTimeout / .seconds(1)

    @Option(help: "Connections that one address may have open at once; of IPv6, one /64. Default: an eighth of all.")
    var maxConnectionsPerAddress: Int?

    @Flag(help: "Count connections from this machine like any other address's.")
    var countLoopback = false

    @Option(help: "Bytes of audit.jsonl; before it grows beyond, it becomes audit.jsonl.1.")
    var maxAuditBytes = AuditLog.Configuration().maxBytes

    @Option(help: "Older files of the audit log that are kept.")
    var auditFiles = AuditLog.Configuration().olderFiles

    func validate() throws {
        guard (tlsCertificate == nil) == (tlsKey == nil) else {
            throw ValidationError("--tls-certificate and --tls-key are given together or not at all")
        }
        guard maxConnections > 0, maxConnectionsPerAddress ?? 1 > 0, bodyTimeout > 0 else {
            throw ValidationError(
                "--max-connections, --max-connections-per-address and --body-timeout must be greater than zero")
        }
        guard maxAuditBytes >= 4_096, (1...1_000).contains(auditFiles) else {
            throw ValidationError("--max-audit-bytes must be at least 4096, and --audit-files from 1 to 1000")
        }
    }

    var audit: AuditLog.Configuration {
        var audit = AuditLog.Configuration()
        (audit.maxBytes, audit.olderFiles) = (maxAuditBytes, auditFiles)
        return audit
    }

    func hosts(listening host: String) throws -> HostRules {
        do { return try HostRules(listening: host, allowed: allowedHost) } catch {
            throw ValidationError("--allowed-host: \(error)")
        }
    }

    func sockets() throws -> SocketConfiguration {
        var sockets = SocketConfiguration()
        sockets.maxConnections = maxConnections
        sockets.maxConnectionsPerPeer = maxConnectionsPerAddress
        sockets.countsLoopback = countLoopback
        sockets.bodyTimeout = .seconds(bodyTimeout)
        if let tlsCertificate, let tlsKey {
            sockets.tls = try TLSIdentity(certificate: tlsCertificate, key: tlsKey)
        }
        return sockets
    }
}
