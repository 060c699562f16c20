import NIOCore

/// Adds up how long the server has waited for a request's body: however slowly it drips, there is an end to it.
///
/// Time in which the server does not read, because others come first, is not the client's and does not count.
struct BodyClock {
    private var waitingSince: NIODeadline?
    private var spent = TimeAmount.zero

    /// The server is ready to read.
    mutating func waits(at now: NIODeadline) {
        if waitingSince == nil { waitingSince = now }
    }

    /// A part of the body is there.
    mutating func arrived(at now: NIODeadline) {
        if let waitingSince { spent = spent + (now - waitingSince) }
        waitingSince = nil
    }

    /// What is left of a budget; zero or less once it is used up.
    func left(of budget: TimeAmount, at now: NIODeadline) -> TimeAmount {
        budget - spent - (waitingSince.map { now - $0 } ?? .zero)
    }
}
