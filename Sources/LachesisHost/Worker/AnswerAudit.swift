internal import LachesisModel
internal import LachesisWire

/// Checks of a worker's messages that bound what it can make host and daemon hold: shapes and counts, not contents.
///
/// The daemon decodes and judges contents; this keeps a script that speaks to the socket by itself from answering
/// records that it was never sent, or from padding its answers.
struct AnswerAudit: Equatable {
    /// Records delivered and not answered yet.
    private(set) var outstanding = 0
    /// Checkpoints asked for and not answered yet.
    private var owedCheckpoints = 0
    /// Bytes of the largest section that answers such a wish.
    private let sectionBytes: Int
    /// States of the estimator; known from `ready` on.
    private var states = 0
    /// Acceleration that the worker may be using: levels only fall, and so it has two notices at most.
    private var acceleration = Acceleration.full

    /// Bytes of one step's error: index, length and text.
    private static let errorBytes = 8...(8 + 4_000)
    private static let mostErrors = 16
    /// Bytes of the longest explanation why a script failed: the worker's 64 KiB of text, each byte as JSON's `\u0000`.
    private static let failureBytes = 6 * (64 << 10) + 1_000

    /// - Parameter checkpointBytes: bytes of a checkpoint, at most.
    init(checkpointBytes: Int) { sectionBytes = CheckpointAnswer.sectionBytes(stateLimit: checkpointBytes) }

    /// Whether the worker has been sent something that it has not answered.
    var owesAnswer: Bool { outstanding > 0 || owedCheckpoints > 0 }

    /// Notes a batch on its way to the worker.
    /// - Throws: `WireError` if it is none that a daemon sends.
    mutating func delivered(batch payload: [UInt8]) throws(WireError) {
        var reader = ByteReader(payload.span.bytes)
        let header = try BatchHeader(&reader)
        let least = header.asksForCheckpoint ? 0 : 1
        guard (least...WorkerMessageLimits.records).contains(header.records),
            reader.remaining == header.records * header.columns * 8
        else {
            throw WireError(
                "a batch of \(header.records) records and \(header.columns) columns in \(payload.count) bytes")
        }
        outstanding += header.records
        if header.asksForCheckpoint { owedCheckpoints += 1 }
    }

    /// - Throws: `WireError` if mean and covariance do not fit any number of states.
    mutating func ready(_ payload: [UInt8]) throws(WireError) {
        var reader = ByteReader(payload.span.bytes)
        try reader.skip(Int(try reader.take(UInt32.self)))
        let bytes = reader.remaining
        // mean[s] and covariance[s][s] take 8 s (s + 1) bytes.
        let states = Int((Double(bytes) / 8).squareRoot())
        guard states > 0, bytes == 8 * states * (states + 1) else {
            throw WireError("mean and covariance of \(bytes) bytes fit no number of states")
        }
        self.states = states
    }

    /// - Throws: `WireError` if the explanation is longer than any worker's.
    func failed(_ payload: [UInt8]) throws(WireError) {
        guard payload.count <= Self.failureBytes else { throw WireError("a failure told in \(payload.count) bytes") }
    }

    /// - Throws: `WireError` if no answer is owed, the bytes are no notice or too many, or the level does not fall.
    mutating func notice(_ payload: [UInt8]) throws(WireError) {
        guard owesAnswer else { throw WireError("a notice where nothing was asked") }
        acceleration = try AccelerationNotice(decoding: payload, after: acceleration).level
    }

    /// - Throws: `WireError` if the result covers records that are not outstanding, or its length is not what its
    ///   counts need.
    mutating func result(_ payload: [UInt8]) throws(WireError) {
        var reader = ByteReader(payload.span.bytes)
        let records = Int(try reader.take(UInt32.self))
        let stepped = Int(try reader.take(UInt32.self))
        let states = Int(try reader.take(UInt32.self))
        let outputs = Int(try reader.take(UInt32.self))
        let errors = Int(try reader.take(UInt32.self))
        let section = Int(try reader.take(UInt32.self))
        guard records >= (section > 0 ? 0 : 1), records <= outstanding else {
            throw WireError("a result for \(records) records where \(outstanding) were outstanding")
        }
        guard section == 0 || owedCheckpoints > 0, section <= sectionBytes else {
            throw WireError("a checkpoint of \(section) bytes where \(owedCheckpoints) were asked for")
        }
        guard stepped <= records, errors <= Self.mostErrors, states == self.states else {
            throw WireError("a result with \(stepped) steps, \(states) states, \(errors) errors for \(records) records")
        }
        let outcomes = (records + 7) / 8 * 8
        let numbers = stepped * (1 + 2 * states + 2 * outputs) + (stepped > 0 ? states * states : 0)
        let rest = reader.remaining - outcomes - numbers * 8 - section
        guard rest >= errors * Self.errorBytes.lowerBound, rest <= errors * Self.errorBytes.upperBound else {
            throw WireError("a result of \(payload.count) bytes, which is not what its counts need")
        }
        outstanding -= records
        if section > 0 { owedCheckpoints -= 1 }
    }
}
