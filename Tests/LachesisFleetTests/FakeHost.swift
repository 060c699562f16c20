import Foundation
import LachesisMessaging
import LachesisModel
import LachesisWire
import Synchronization

/// A host as the daemon sees one, without processes: the test decides what it says.
final class FakeHost: Sendable {
    let commands: AsyncStream<HostCommand>
    private let outbox = Mutex<[HostReport]>([])
    private let isOver = Mutex(false)
    /// The last order that `build` took.
    let order = Mutex<BuildOrder?>(nil)

    init(connecting endpoint: String, pid: Int32) {
        let (commands, continuation) = AsyncStream.makeStream(of: HostCommand.self)
        self.commands = commands
        let plugin = PluginReport(name: "kalman", state: .ready)
        outbox.withLock {
            $0 = [.hello(pid: pid, plugins: [plugin], controlGroups: ControlGroupReport(controllers: []))]
        }
        Thread.detachNewThread { [self] in
            // The socket belongs to this thread.
            guard let socket = try? MessageSocket.dealer(connecting: endpoint) else { return continuation.finish() }
            while !isOver.withLock({ $0 }) {
                for report in takeOutbox() {
                    _ = try? socket.send(report.encoded)
                }
                _ = try? socket.wait(reading: [], timeout: .milliseconds(2))
                while let (_, message) = try? socket.receive(), let command = try? HostCommand(decoding: message) {
                    continuation.yield(command)
                }
            }
            continuation.finish()
        }
    }

    deinit { end() }

    private func takeOutbox() -> [HostReport] {
        outbox.withLock { box in
            defer { box = [] }
            return box
        }
    }

    /// Waits for the order to end a worker, and says that it has ended.
    func end(_ epoch: Epoch) async throws {
        for await command in commands where command == .stop(epoch) {
            return say(.exited(epoch, WorkerExit(.stopped)))
        }
        throw WireError("no order to end a worker")
    }

    func end() { isOver.withLock { $0 = true } }

    func say(_ report: HostReport) { outbox.withLock { $0.append(report) } }

    /// The next command that is no ping and no stop.
    func next() async -> HostCommand? {
        for await command in commands {
            switch command {
            case .ping, .stop: continue
            default: return command
            }
        }
        return nil
    }

    /// Plays a worker's start: takes the orders and answers that the estimator is ready.
    /// - Parameter ready: what it answers.
    /// - Returns: the worker's epoch, and the state it was to go on from.
    func build(_ ready: [UInt8] = Answers.ready()) async throws -> (epoch: Epoch, state: [UInt8]?) {
        var state: [UInt8]?
        guard case .start(let epoch, _)? = await next() else { throw WireError("no order to start a worker") }
        while let command = await next() {
            guard case .deliver(epoch, let kind, let payload) = command else { throw WireError("\(command)") }
            if kind == .restore { state = payload }
            if kind == .build {
                order.withLock { $0 = try? JSONDecoder().decode(BuildOrder.self, from: Data(payload)) }
                break
            }
        }
        say(.started(epoch, pid: 1))
        say(.message(epoch, .ready, ready))
        return (epoch, state)
    }

    /// Takes a batch.
    /// - Returns: how many records are in it, and whether it asks for a checkpoint.
    func batch() async throws -> BatchHeader { try await delivery().batch }

    /// Takes a batch, whose worker it tells.
    func delivery() async throws -> (epoch: Epoch, batch: BatchHeader) {
        guard case .deliver(let epoch, .batch, let payload)? = await next() else { throw WireError("no batch") }
        var reader = ByteReader(payload.span.bytes)
        return (epoch, try BatchHeader(&reader))
    }
}

/// What workers of an estimator with one state and no output say.
enum Answers {
    static let description = EstimatorDescription(
        className: "Fake", stateNames: ["q"], outputNames: [], columns: ["test_time"])

    /// - Parameter acceleration: level in use, as a word.
    static func ready(acceleration: String? = nil) -> [UInt8] {
        let level = acceleration.map { "\"\($0)\"" } ?? "null"
        let json =
            #"{"estimator": "Fake", "state_names": ["q"], "output_names": [], "columns": ["test_time"], "#
            + #""acceleration": \#(level), "acceleration_reason": ""}"#
        var writer = ByteWriter()
        writer.put(UInt32(json.utf8.count))
        writer.put(json.utf8)
        writer.put([0.0, 1.0])
        return writer.bytes
    }

    static func notice(_ level: String) -> [UInt8] {
        Array(#"{"acceleration": "\#(level)", "reason": "step 9 differed"}"#.utf8)
    }

    /// All records stepped, with one mean for all; the first is the one behind `sequence`.
    static func result(_ records: Int, after sequence: Int = 0, mean: Double, checkpoint: [UInt8] = []) -> [UInt8] {
        var writer = ByteWriter()
        for number in [records, records, 1, 0, 0, checkpoint.count] { writer.put(UInt32(number)) }
        writer.put([UInt8](repeating: 0, count: (records + 7) / 8 * 8))
        writer.put((0..<records).map { Double(sequence + 1 + $0) })
        writer.put([Double](repeating: mean, count: records))
        writer.put([Double](repeating: 1, count: records))
        if records > 0 { writer.put([1.0]) }
        writer.put(checkpoint)
        return writer.bytes
    }
}
