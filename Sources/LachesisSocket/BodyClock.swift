import NIOCore

/// Adds up how long the server has waited for a request's body: however slowly it drips, there is an end to it.
///
/// Time in which the server does not read, because others come first, is not the client's and does not count.
struct BodyClock {
    private let grace: Duration
    private let bytesPerSecond: Double
    private let most: Duration
    private var bytes = 0
    private var waitingSince: NIODeadline?
    private var spent = TimeAmount.zero

    init(_ configuration: SocketConfiguration) {
        (grace, bytesPerSecond) = (configuration.bodyGrace, configuration.bodyBytesPerSecond)
        most = configuration.bodyTimeout
    }

    /// The server is ready to read.
    mutating func waits(at now: NIODeadline) {
        if waitingSince == nil { waitingSince = now }
    }

    /// A part of the body is there.
    mutating func arrived(_ count: Int, at now: NIODeadline) {
        bytes += count
        if let waitingSince { spent = spent + (now - waitingSince) }
        waitingSince = nil
    }

    /// How long the client may still make the server wait, if nothing more comes; zero or less once that is used up.
    func left(at now: NIODeadline) -> TimeAmount {
        let budget = min(most, grace + .seconds(Double(bytes) / bytesPerSecond))
        return TimeAmount(budget) - spent - (waitingSince.map { now - $0 } ?? .zero)
    }
}

/// A request's body that came too slowly.
package struct SlowBody: Error {}
