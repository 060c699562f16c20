internal import CSandbox
internal import Glibc

/// A process that was forked before anybody asked for it, and becomes a worker by the next order to fork one.
///
/// So a registration that comes alone waits for no fork, and, if there was time for a rehearsal, for few of the copies of shared memory
/// that building an estimator brings about. It is not locked in while it waits, and runs nothing but the plugin's own example.
final class SpareWorker {
    let pid: Int32
    private let connection: Descriptor

    /// - Parameter connection: the zygote's end; when it closes without an order, the process ends.
    init(pid: Int32, connection: consuming Descriptor) {
        self.pid = pid
        self.connection = connection
    }

    /// Hands it an order to fork.
    /// - Returns: false if it cannot take one any more.
    func take(_ received: ReceivedOrder) -> Bool {
        let (bytes, descriptors) = (received.order.encoded, received.descriptors)
        return lachesis_send_descriptors(connection.number, bytes, bytes.count, descriptors, descriptors.count) >= 0
    }

    // MARK: In the process

    /// Milliseconds without an order after which there is time to rehearse: when many are started at once, that would only delay them.
    private static let quiet: Int32 = 100

    /// Waits for the order, however long that takes, and rehearses meanwhile if it does not come soon.
    /// - Returns: nil if the zygote has gone.
    /// - Throws: as `ReceivedOrder` does; `HostError` `.system` also if the process cannot be tied to its parent, or named.
    static func awaitOrder(
        on connection: borrowing Descriptor, rehearse: () -> Void
    ) throws(HostError) -> ReceivedOrder? {
        guard lachesis_end_with_parent() == 0, lachesis_set_process_name("lachesis-spare") == 0 else {
            throw .last("prctl")
        }
        var item = pollfd(fd: connection.number, events: Int16(POLLIN), revents: 0)
        if poll(&item, 1, quiet) == 0 { rehearse() }
        return try ReceivedOrder(from: connection.number)
    }
}
