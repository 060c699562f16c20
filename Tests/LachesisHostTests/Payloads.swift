import LachesisModel
import LachesisWire

/// Payloads as daemon and worker send them.
enum Payloads {
    static func batch(_ records: Int, columns: Int = 2, flags: UInt32 = 0) -> [UInt8] {
        var writer = ByteWriter()
        for number in [UInt32(records), UInt32(columns), flags, 0] { writer.put(number) }
        writer.put([Double](repeating: 1, count: records * columns))
        return writer.bytes
    }

    static func ready(states: Int = 2, json: String = "{}") -> [UInt8] {
        var writer = ByteWriter()
        writer.put(UInt32(json.utf8.count))
        writer.put(json.utf8)
        writer.put([Double](repeating: 1, count: states * (states + 1)))
        return writer.bytes
    }

    /// - Parameter stepped: how many of the records have numbers.
    static func result(
        _ records: Int, stepped: Int = 0, states: Int = 2, outputs: Int = 1, errors: [String] = [], excess: Int = 0,
        checkpoint: Int = 0
    ) -> [UInt8] {
        var writer = ByteWriter()
        for number in [records, stepped, states, outputs, errors.count, checkpoint] { writer.put(UInt32(number)) }
        writer.put([UInt8](repeating: 0, count: (records + 7) / 8 * 8))
        let numbers = stepped * (1 + 2 * states + 2 * outputs) + (stepped > 0 ? states * states : 0)
        writer.put([Double](repeating: 1, count: numbers))
        for error in errors {
            writer.put(UInt32(0))
            writer.put(UInt32(error.utf8.count))
            writer.put(error.utf8)
        }
        writer.put([UInt8](repeating: 1, count: checkpoint))
        writer.put([UInt8](repeating: 0, count: excess))
        return writer.bytes
    }

    static func notice(_ level: String, reason: String = "step 9 differed") -> [UInt8] {
        Array(#"{"acceleration": "\#(level)", "reason": "\#(reason)"}"#.utf8)
    }

    static func order(build: Double = 60, buildCPU: Double = 60, step: Double = 5) -> WorkerOrder {
        var limits = Limits()
        limits.buildTime = .seconds(build)
        limits.buildCPUTime = .seconds(buildCPU)
        limits.stepTime = .seconds(step)
        return WorkerOrder(
            plugin: "tiny", label: "cell", version: 1, limits: WorkerLimits(ScriptLimits(), within: limits))
    }
}
