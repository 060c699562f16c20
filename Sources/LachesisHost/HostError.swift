internal import CSandbox
internal import Glibc

/// What host or zygote could not do.
package struct HostError: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Code: Sendable {
        /// A call of the operating system failed.
        case system
        /// The settings cannot work: a folder or program is missing.
        case configuration
        /// The embedded interpreter, or what the plugin imports into it, failed.
        case python
        /// The sandbox cannot be built on this machine, or does not hold.
        case sandbox
        /// The other end of a connection sent what it must not.
        case protocolViolation
    }

    package let code: Code
    package let description: String

    init(_ code: Code, _ description: String) { (self.code, self.description) = (code, description) }

    /// The error that `errno` names, of the call that has just failed.
    static func last(_ operation: String) -> HostError { system(operation, errno) }

    static func system(_ operation: String, _ number: Int32) -> HostError {
        HostError(.system, "\(operation): \(String(cString: strerror(number)))")
    }
}
