import NIOCore
import NIOSSL
import Synchronization

/// The server's certificate and key, which new connections use as they are at that moment: TLS 1.2 or later.
package final class TLSIdentity: Sendable {
    private let certificate: String
    private let key: String
    private let context: Mutex<NIOSSLContext>

    /// How long the peer's answer to the end of TLS is awaited before the connection is closed; a shutdown waits for it.
    private static let shutdownTime = TimeAmount.milliseconds(500)

    /// - Parameters:
    ///   - certificate: path of a PEM file: the server's certificate, then those that lead from it to the root.
    ///   - key: path of a PEM file: its private key, without a password.
    /// - Throws: `TLSError` that names the file at fault.
    package init(certificate: String, key: String) throws(TLSError) {
        (self.certificate, self.key) = (certificate, key)
        context = Mutex(try Self.load(certificate, key))
    }

    /// Reads the files again; if they are no good, what was read before stays in use.
    /// - Throws: `TLSError` that names the file at fault.
    package func reload() throws(TLSError) {
        let new = try Self.load(certificate, key)
        context.withLock { $0 = new }
    }

    func handler() -> NIOSSLServerHandler { NIOSSLServerHandler(context: context.withLock { $0 }) }

    private static func load(_ certificate: String, _ key: String) throws(TLSError) -> NIOSSLContext {
        let chain: [NIOSSLCertificate]
        do { chain = try NIOSSLCertificate.fromPEMFile(certificate) } catch {
            throw TLSError(description: "the certificates in '\(certificate)' cannot be read", underlying: error)
        }
        guard !chain.isEmpty else {
            throw TLSError(description: "there is no certificate in '\(certificate)'", underlying: nil)
        }
        let secret: NIOSSLPrivateKey
        do { secret = try NIOSSLPrivateKey(file: key, format: .pem) } catch {
            throw TLSError(description: "the key in '\(key)' cannot be read", underlying: error)
        }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(secret))
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = ["http/1.1"]
        configuration.shutdownTimeout = shutdownTime
        do { return try NIOSSLContext(configuration: configuration) } catch {
            throw TLSError(
                description: "the key in '\(key)' is not that of the certificate in '\(certificate)'", underlying: error
            )
        }
    }
}

/// Why TLS cannot be offered.
package struct TLSError: Error, CustomStringConvertible {
    package let description: String
    package let underlying: (any Error)?
}
