internal import CSandbox

/// The descriptors that the host listens to: an epoll descriptor, level-triggered.
struct EventQueue: ~Copyable {
    struct Event {
        let token: UInt64
        /// There is something to read, or the other end has gone.
        let isReadable: Bool
        let isWritable: Bool
    }

    /// Most events that one call of `take` returns; the rest follow at the next, the kernel taking turns.
    static let capacity = 64

    private let descriptor: Descriptor

    /// Readable while events are there.
    var number: Int32 { descriptor.number }

    init() throws(HostError) {
        let number = lachesis_events_create()
        guard number >= 0 else { throw .last("epoll_create1") }
        descriptor = Descriptor(owning: number)
    }

    func add(_ number: Int32, token: UInt64) throws(HostError) {
        guard lachesis_events_add(descriptor.number, number, token) == 0 else { throw .last("epoll_ctl") }
    }

    func awaitWriting(_ isWanted: Bool, _ number: Int32, token: UInt64) throws(HostError) {
        guard lachesis_events_await_writing(descriptor.number, number, token, isWanted ? 1 : 0) == 0 else {
            throw .last("epoll_ctl")
        }
    }

    /// Before closing: a descriptor whose other copies live on in a child would go on reporting events otherwise.
    func remove(_ number: Int32) throws(HostError) {
        guard lachesis_events_remove(descriptor.number, number) == 0 else { throw .last("epoll_ctl") }
    }

    /// What is there now; never waits.
    func take() throws(HostError) -> [Event] {
        var found = [lachesis_event](repeating: lachesis_event(), count: Self.capacity)
        let count = lachesis_events_take(descriptor.number, &found, Int32(found.count))
        guard count >= 0 else { throw .last("epoll_wait") }
        return found.prefix(Int(count)).map {
            Event(token: $0.token, isReadable: $0.readable != 0, isWritable: $0.writable != 0)
        }
    }
}
