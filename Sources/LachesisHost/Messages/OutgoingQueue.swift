internal import LachesisModel
internal import LachesisWire

/// Messages on their way to a worker that it has not read yet.
struct OutgoingQueue {
    /// Bytes that may wait for one worker: the largest registration (files, and the script as JSON, where a character
    /// may take six bytes), a checkpoint and two of the largest batches. The daemon keeps below that; what goes beyond is refused.
    static let defaultLimit: Int = {
        let limits = Limits()
        let batch = BatchHeader.bytes + WorkerMessageLimits.records * limits.columns * 8
        return limits.registrationBytes + 6 * limits.scriptBytes + limits.checkpointBytes + (1 << 20) + 2 * batch
    }()

    private struct Message {
        let kind: UInt8
        let payload: [UInt8]
    }

    private let limit: Int
    private var messages: [Message] = []
    /// Messages at the beginning of the array that are sent; removed now and then, not one by one.
    private var sentMessages = 0
    /// Bytes of the first waiting message that are sent.
    private var sentBytes = 0
    private var isBegun = false
    private(set) var waitingBytes = 0

    init(limit: Int = OutgoingQueue.defaultLimit) { self.limit = limit }

    var isEmpty: Bool { sentMessages == messages.count }

    /// - Returns: false if the queue is full; the message is then not taken.
    mutating func append(_ kind: WorkerMessageKind, _ payload: [UInt8]) -> Bool {
        guard waitingBytes + payload.count <= limit else { return false }
        messages.append(Message(kind: kind.rawValue, payload: payload))
        waitingBytes += payload.count
        return true
    }

    mutating func removeAll() { self = OutgoingQueue(limit: limit) }

    /// Offers the next packets until one is not taken.
    /// - Parameters:
    ///   - count: most packets to offer.
    ///   - send: gets header and slice; returns whether the packet was taken.
    mutating func drain(atMost count: Int, _ send: ([UInt8], UnsafeRawBufferPointer) throws(HostError) -> Bool)
        throws(HostError)
    {
        for _ in 0..<count {
            guard !isEmpty else { return }
            let message = messages[sentMessages]
            let slice = sentBytes..<min(sentBytes + PacketFormat.sliceBytes, message.payload.count)
            let header = PacketFormat.header(total: message.payload.count, kind: message.kind, isFirst: !isBegun)
            let taken = message.payload.withUnsafeBytes { bytes in
                Result { () throws(HostError) in try send(header, UnsafeRawBufferPointer(rebasing: bytes[slice])) }
            }
            guard try taken.get() else { return }
            isBegun = true
            sentBytes = slice.upperBound
            waitingBytes -= slice.count
            if sentBytes == message.payload.count { finishFirst() }
        }
    }

    private mutating func finishFirst() {
        (sentBytes, isBegun) = (0, false)
        messages[sentMessages] = Message(kind: 0, payload: [])
        sentMessages += 1
        if sentMessages == messages.count || sentMessages >= 64 {
            messages.removeFirst(sentMessages)
            sentMessages = 0
        }
    }
}
