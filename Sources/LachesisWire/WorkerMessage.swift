package import LachesisModel

/// What a message between host and worker is; the raw value is its first byte on the wire.
package enum WorkerMessageKind: UInt8, Sendable {
    case file = 1
    case build = 2
    case batch = 3
    /// The state that the estimator goes on from; comes before `build`.
    case restore = 4
    case ready = 129
    case failed = 130
    case result = 131
    /// The estimator is accelerated less from now on; comes before the result that is the first to have it so.
    case notice = 132

    package var isFromWorker: Bool { rawValue >= 128 }
}

/// Bounds of the messages between host and worker.
package enum WorkerMessageLimits {
    /// Bytes of a payload towards the worker: a file of the largest size and its name.
    package static let toWorker = 65 << 20
    /// Bytes of a payload from the worker.
    package static let fromWorker = 64 << 20
    /// Records of one batch.
    package static let records = 256
}

/// The script and how to build it, as the worker gets it.
package struct BuildOrder: Codable, Sendable, Equatable {
    package var name: String
    package var definition: String
    /// s; nil steps all records.
    package var validTime: Double?
    package var seedsInputs: Bool
    /// The most that the plugin may use.
    package var acceleration: Acceleration
    /// Seed of the worker's random generators: the same at every start of the same version, so that a replay repeats it.
    package var randomSeed: UInt32
    /// Bytes of a checkpoint, at most.
    package var checkpointBytes: Int
    /// What the worker is kept to, so that it can say so where a script meets it.
    package var limits: WorkerLimits

    /// - Parameter acceleration: the most that is allowed; the order has less if the registration asks for less.
    package init(
        _ registration: Registration, version: Int, limits: WorkerLimits, acceleration: Acceleration = .full
    ) {
        name = registration.battery.text
        definition = registration.definition
        validTime = registration.validTime
        seedsInputs = registration.seedsInputs
        self.acceleration = min(acceleration, registration.acceleration)
        randomSeed = fnv1a("\(registration.battery.text)/\(version)")
        checkpointBytes = limits.checkpointBytes
        self.limits = limits
    }

    /// Payload of a `build` message.
    package var encoded: [UInt8] { json(self) }

    private enum CodingKeys: String, CodingKey {
        case name, definition, acceleration, limits
        case validTime = "valid_time"
        case seedsInputs = "seed_inputs"
        case randomSeed = "random_seed"
        case checkpointBytes = "checkpoint_bytes"
    }
}

/// What stands before the records of a `batch` message: `u32` records, `u32` columns, `u32` flags, `u32` zero.
package struct BatchHeader: Equatable, Sendable {
    package static let bytes = 16
    private static let checkpointFlag: UInt32 = 1

    package var records: Int
    package var columns: Int
    package var asksForCheckpoint: Bool

    package init(records: Int, columns: Int, asksForCheckpoint: Bool) {
        (self.records, self.columns, self.asksForCheckpoint) = (records, columns, asksForCheckpoint)
    }

    /// - Throws: `WireError` if the bytes are too few or hold a flag that is not known.
    package init(_ reader: inout ByteReader) throws(WireError) {
        records = Int(try reader.take(UInt32.self))
        columns = Int(try reader.take(UInt32.self))
        let flags = try reader.take(UInt32.self)
        guard flags <= Self.checkpointFlag, try reader.take(UInt32.self) == 0 else {
            throw WireError("a batch with unknown flags")
        }
        asksForCheckpoint = flags == Self.checkpointFlag
    }

    func write(to writer: inout ByteWriter) {
        writer.put(UInt32(records))
        writer.put(UInt32(columns))
        writer.put(asksForCheckpoint ? Self.checkpointFlag : 0)
        writer.put(UInt32(0))
    }
}

extension RecordMatrix {
    /// Payload of a `batch` message.
    /// - Parameter checkpoint: whether the worker is to make one after the last of the records, which may be none then.
    package func encoded(columns: Int, checkpoint: Bool) -> [UInt8] {
        precondition(values.count == count * columns)
        let header = BatchHeader(records: count, columns: columns, asksForCheckpoint: checkpoint)
        var writer = ByteWriter(capacity: BatchHeader.bytes + values.count * 8)
        header.write(to: &writer)
        writer.put(values)
        return writer.bytes
    }
}

extension ScriptFile {
    /// Payload of a `file` message.
    package var encoded: [UInt8] {
        let name = Array(self.name.utf8)
        var writer = ByteWriter(capacity: 2 + name.count + content.count)
        writer.put(UInt16(name.count))
        writer.put(name)
        writer.put(content)
        return writer.bytes
    }
}

/// FNV-1a, 32 bits: a hash that is the same in every process.
private func fnv1a(_ text: String) -> UInt32 {
    text.utf8.reduce(2_166_136_261) { ($0 ^ UInt32($1)) &* 16_777_619 }
}
