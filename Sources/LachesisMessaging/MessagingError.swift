internal import CZeroMQ

/// A ZeroMQ call that failed.
package struct MessagingError: Error, Sendable, CustomStringConvertible {
    /// The call.
    package let operation: String
    /// ZeroMQ's error number.
    package let code: Int32

    package var description: String { "\(operation): \(String(cString: zmq_strerror(code)))" }

    static func last(_ operation: String) -> MessagingError { MessagingError(operation: operation, code: zmq_errno()) }
}
