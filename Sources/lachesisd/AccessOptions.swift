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

    func validate() throws {
        guard (tlsCertificate == nil) == (tlsKey == nil) else {
            throw ValidationError("--tls-certificate and --tls-key are given together or not at all")
        }
        guard maxConnections > 0, bodyTimeout > 0 else {
            throw ValidationError("--max-connections and --body-timeout must be greater than zero")
        }
    }

    func hosts(listening host: String) throws -> HostRules {
        do { return try HostRules(listening: host, allowed: allowedHost) } catch {
            throw ValidationError("--allowed-host: \(error)")
        }
    }

    func sockets() throws -> SocketConfiguration {
        var sockets = SocketConfiguration()
        sockets.maxConnections = maxConnections
        sockets.bodyTimeout = .seconds(bodyTimeout)
        if let tlsCertificate, let tlsKey {
            sockets.tls = try TLSIdentity(certificate: tlsCertificate, key: tlsKey)
        }
        return sockets
    }
}
