internal import LachesisWire

/// Room for the messages that workers have begun and not ended: pure. Times are those of one monotonic clock.
///
/// A message gets room for all that it announces before anything of it is taken, or it waits, holding nothing, behind those that
/// asked before: so whatever has begun can end. And it has to, within a time, so that whoever waits gets room.
struct MessageRoom {
    private struct Tenant {
        let bytes: Int
        let deadline: Duration
    }

    private struct Request {
        let epoch: Epoch
        let bytes: Int
    }

    /// Bytes of all messages under way.
    private let capacity: Int
    /// Bytes of the largest message that may be.
    private let largest: Int
    /// How long a message may take from getting room to its end.
    private let time: Duration
    private var tenants: [Epoch: Tenant] = [:]
    /// At most one for each worker.
    private var queue: [Request] = []
    private(set) var taken = 0

    /// - Parameters:
    ///   - capacity: at least `largest`, which would never get room otherwise.
    init(capacity: Int, largest: Int = WorkerMessageLimits.fromWorker, time: Duration) {
        precondition(capacity >= largest)
        (self.capacity, self.largest, self.time) = (capacity, largest, time)
    }

    /// Whether there are messages that would have to wait.
    var isScarce: Bool { !queue.isEmpty || capacity - taken < largest }

    /// When the first of the messages under way must have ended.
    var deadline: Duration? { tenants.values.map(\.deadline).min() }

    /// - Parameters:
    ///   - epoch: the worker; it has one message at a time.
    ///   - bytes: that its message announces, at most `largest`.
    /// - Returns: whether it has room; if not it waits until `leave` names it.
    mutating func ask(_ epoch: Epoch, _ bytes: Int, now: Duration) -> Bool {
        if tenants[epoch] != nil { return true }
        guard !queue.contains(where: { $0.epoch == epoch }) else { return false }
        guard queue.isEmpty, bytes <= capacity - taken else {
            queue.append(Request(epoch: epoch, bytes: bytes))
            return false
        }
        admit(Request(epoch: epoch, bytes: bytes), now)
        return true
    }

    /// The worker's message has ended, or the worker has.
    /// - Returns: the workers that have got room by that.
    mutating func leave(_ epoch: Epoch, now: Duration) -> [Epoch] {
        if let tenant = tenants.removeValue(forKey: epoch) {
            taken -= tenant.bytes
        } else if !queue.isEmpty {
            queue.removeAll { $0.epoch == epoch }
        }
        var admitted: [Epoch] = []
        // In order: a large message is not passed by small ones for ever.
        while let first = queue.first, first.bytes <= capacity - taken {
            queue.removeFirst()
            admit(first, now)
            admitted.append(first.epoch)
        }
        return admitted
    }

    /// Workers whose messages should have ended.
    func overdue(now: Duration) -> [Epoch] { tenants.filter { now >= $0.value.deadline }.map(\.key) }

    private mutating func admit(_ request: Request, _ now: Duration) {
        tenants[request.epoch] = Tenant(bytes: request.bytes, deadline: now + time)
        taken += request.bytes
    }
}
