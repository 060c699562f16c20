internal import FoundationEssentials
package import LachesisModel

/// A worker as daemon and host name it: unique for ever, later starts have larger numbers.
package typealias Epoch = UInt64

/// What a host has to know to start a worker.
package struct WorkerOrder: Codable, Sendable, Equatable {
    package var plugin: String
    /// The battery's name, for logs.
    package var label: String
    /// Of the battery's estimator, for logs.
    package var version: Int
    package var limits: WorkerLimits

    package init(plugin: String, label: String, version: Int, limits: WorkerLimits) {
        (self.plugin, self.label, self.version, self.limits) = (plugin, label, version, limits)
    }
}

/// How a worker's process ended.
package struct WorkerExit: Codable, Sendable, Equatable {
    package enum Cause: String, Codable, Sendable {
        /// By itself, with an exit status or by a signal.
        case ended
        /// Ended by the host: no estimator within the time for building.
        case buildTimeout
        /// Ended by the host: no estimator within the processor time for building.
        case buildCPUTime
        /// Ended by the host: no progress within the time for a step.
        case stepTimeout
        /// Ended by the kernel: process and folder took more memory than they may.
        case memoryLimit
        /// Ended by the kernel: the machine, or a group of processes that it is in, had no memory left.
        case machineMemory
        /// Ended by the host: it sent what no worker sends.
        case protocolViolation
        /// Never started: its plugin cannot run, or the process could not be made.
        case notStarted
        /// Ended by the host because the daemon said so.
        case stopped
        /// Its zygote or its host went, and the worker with it.
        case lost
    }

    package var cause: Cause
    /// Exit status, or minus the number of the signal that ended the process; nil where neither is known.
    package var status: Int32?
    /// What there is to say beyond the cause.
    package var detail: String
    /// The end of what the script wrote to its standard output and error.
    package var output: String

    package init(_ cause: Cause, status: Int32? = nil, detail: String = "", output: String = "") {
        (self.cause, self.status, self.detail, self.output) = (cause, status, detail, output)
    }
}

/// What a worker's process takes, as measured from outside.
package struct WorkerUsage: Codable, Sendable, Equatable {
    package var epoch: Epoch
    /// Bytes of memory that are its own, not shared with other workers.
    package var memoryBytes: Int
    /// Processor time of all its threads since its start, s.
    package var cpuSeconds: Double

    package init(epoch: Epoch, memoryBytes: Int, cpuSeconds: Double) {
        (self.epoch, self.memoryBytes, self.cpuSeconds) = (epoch, memoryBytes, cpuSeconds)
    }
}

/// How far a plugin's zygote has come.
package struct PluginReport: Codable, Sendable, Equatable {
    package enum State: String, Codable, Sendable { case warming, ready, failed }

    package var name: String
    package var state: State
    /// Why it failed.
    package var detail: String?

    package init(name: String, state: State, detail: String? = nil) {
        (self.name, self.state, self.detail) = (name, state, detail)
    }
}

/// What the control groups of a host's workers limit.
package struct ControlGroupReport: Codable, Sendable, Equatable {
    /// Of `cpu`, `memory` and `pids` those that are limited.
    package var controllers: [String]
    /// Why it is not all of them; nil if it is.
    package var detail: String?

    package init(controllers: [String], detail: String? = nil) {
        (self.controllers, self.detail) = (controllers, detail)
    }
}

/// From daemon to host; one ZeroMQ frame each.
package enum HostCommand: Sendable, Equatable {
    case start(Epoch, WorkerOrder)
    /// Hands a message to a worker, in order.
    case deliver(Epoch, WorkerMessageKind, [UInt8])
    case stop(Epoch)
    /// Asks for a sign of life: `alive` follows.
    case ping
}

/// From host to daemon; one ZeroMQ frame each.
package enum HostReport: Sendable, Equatable {
    /// The first word of a host.
    case hello(pid: Int32, plugins: [PluginReport], controlGroups: ControlGroupReport)
    case plugin(PluginReport)
    case started(Epoch, pid: Int32)
    case message(Epoch, WorkerMessageKind, [UInt8])
    case exited(Epoch, WorkerExit)
    /// The host takes commands.
    case alive
    /// What a worker wrote to its standard output and error, and how many bytes before it were cut.
    case output(Epoch, [UInt8], dropped: Int)
    /// What some of the workers take; those of the others follow.
    case usage([WorkerUsage])
}

private enum Tag: UInt8 {
    case start = 1
    case deliver = 2
    case stop = 3
    case ping = 4
    case hello = 65
    case plugin = 66
    case started = 67
    case message = 68
    case exited = 69
    case alive = 70
    case output = 71
    case usage = 72
}

private struct Hello: Codable {
    var pid: Int32
    var plugins: [PluginReport]
    var controlGroups: ControlGroupReport
}

extension HostCommand {
    package var encoded: [UInt8] {
        switch self {
        case .start(let epoch, let order): frame(.start, epoch, json(order))
        case .deliver(let epoch, let kind, let payload): frame(.deliver, epoch, payload, kind: kind)
        case .stop(let epoch): frame(.stop, epoch, [])
        case .ping: frame(.ping, 0, [])
        }
    }

    package init(decoding bytes: [UInt8]) throws(WireError) {
        var reader = ByteReader(bytes.span.bytes)
        let (tag, epoch) = try header(&reader)
        switch tag {
        case .start: self = .start(epoch, try decode(&reader))
        case .deliver:
            let kind = try workerKind(&reader, fromWorker: false)
            self = .deliver(epoch, kind, try reader.takeBytes(reader.remaining))
        case .stop: self = .stop(epoch)
        case .ping: self = .ping
        default: throw WireError("a report where a command was expected")
        }
    }
}

extension HostReport {
    package var encoded: [UInt8] {
        switch self {
        case .hello(let pid, let plugins, let groups):
            frame(.hello, 0, json(Hello(pid: pid, plugins: plugins, controlGroups: groups)))
        case .plugin(let report): frame(.plugin, 0, json(report))
        case .started(let epoch, let pid): frame(.started, epoch, json(pid))
        case .message(let epoch, let kind, let payload): frame(.message, epoch, payload, kind: kind)
        case .exited(let epoch, let exit): frame(.exited, epoch, json(exit))
        case .alive: frame(.alive, 0, [])
        case .output(let epoch, let bytes, let dropped):
            frame(.output, epoch, withUnsafeBytes(of: UInt64(dropped).littleEndian) { Array($0) } + bytes)
        case .usage(let usages): frame(.usage, 0, json(usages))
        }
    }

    package init(decoding bytes: [UInt8]) throws(WireError) {
        var reader = ByteReader(bytes.span.bytes)
        let (tag, epoch) = try header(&reader)
        switch tag {
        case .hello:
            let hello: Hello = try decode(&reader)
            self = .hello(pid: hello.pid, plugins: hello.plugins, controlGroups: hello.controlGroups)
        case .plugin: self = .plugin(try decode(&reader))
        case .started: self = .started(epoch, pid: try decode(&reader))
        case .message:
            let kind = try workerKind(&reader, fromWorker: true)
            self = .message(epoch, kind, try reader.takeBytes(reader.remaining))
        case .exited: self = .exited(epoch, try decode(&reader))
        case .alive: self = .alive
        case .output:
            guard let dropped = Int(exactly: try reader.take(UInt64.self)) else { throw WireError("a count too large") }
            self = .output(epoch, try reader.takeBytes(reader.remaining), dropped: dropped)
        case .usage: self = .usage(try decode(&reader))
        default: throw WireError("a command where a report was expected")
        }
    }
}

private func frame(_ tag: Tag, _ epoch: Epoch, _ body: [UInt8], kind: WorkerMessageKind? = nil) -> [UInt8] {
    var writer = ByteWriter(capacity: 10 + body.count)
    writer.put(tag.rawValue)
    writer.put(epoch)
    if let kind { writer.put(kind.rawValue) }
    writer.put(body)
    return writer.bytes
}

private func header(_ reader: inout ByteReader) throws(WireError) -> (Tag, Epoch) {
    let raw = try reader.take(UInt8.self)
    guard let tag = Tag(rawValue: raw) else { throw WireError("unknown message \(raw)") }
    return (tag, try reader.take(Epoch.self))
}

private func workerKind(_ reader: inout ByteReader, fromWorker: Bool) throws(WireError) -> WorkerMessageKind {
    let raw = try reader.take(UInt8.self)
    guard let kind = WorkerMessageKind(rawValue: raw), kind.isFromWorker == fromWorker else {
        throw WireError("unknown worker message \(raw)")
    }
    return kind
}

private func decode<Body: Decodable>(_ reader: inout ByteReader) throws(WireError) -> Body {
    let bytes = try reader.takeBytes(reader.remaining)
    guard let body = try? JSONDecoder().decode(Body.self, from: Data(bytes)) else {
        throw WireError("a body that is not the JSON expected")
    }
    return body
}

/// The bodies here are plain structures of text and finite numbers: encoding them cannot fail.
func json(_ body: some Encodable) -> [UInt8] {
    guard let data = try? JSONEncoder().encode(body) else { preconditionFailure("a message that JSON cannot express") }
    return Array(data)
}
