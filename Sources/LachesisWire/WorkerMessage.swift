package import LachesisModel

/// What a message between host and worker is; the raw value is its first byte on the wire.
package enum WorkerMessageKind: UInt8, Sendable {
    case file = 1
    case build = 2
    case batch = 3
    case ready = 129
    case failed = 130
    case result = 131

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
    /// Seed of the worker's random generators: the same at every start of the same version, so that a replay repeats it.
    package var randomSeed: UInt32

    package init(_ registration: Registration, version: Int) {
        name = registration.battery.text
        definition = registration.definition
        validTime = registration.validTime
        seedsInputs = registration.seedsInputs
        randomSeed = fnv1a("\(registration.battery.text)/\(version)")
    }

    /// Payload of a `build` message.
    package var encoded: [UInt8] { json(self) }

    private enum CodingKeys: String, CodingKey {
        case name, definition
        case validTime = "valid_time"
        case seedsInputs = "seed_inputs"
        case randomSeed = "random_seed"
    }
}

extension RecordMatrix {
    /// Payload of a `batch` message.
    package func encoded(columns: Int) -> [UInt8] {
        precondition(values.count == count * columns)
        var writer = ByteWriter(capacity: 8 + values.count * 8)
        writer.put(UInt32(count))
        writer.put(UInt32(columns))
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
