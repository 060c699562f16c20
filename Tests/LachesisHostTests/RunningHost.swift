import Foundation
import LachesisMessaging
import LachesisModel
import LachesisWire

@testable import LachesisHost

/// A real `lachesis-host` with plugins in a temporary folder, and the daemon's end of its connection.
final class RunningHost {
    struct Timeout: Error, CustomStringConvertible {
        let description: String
    }

    static let python = "/usr/bin/python3"

    /// Whether Python and the program built beside these tests are there.
    static var isPossible: Bool {
        FileManager.default.isExecutableFile(atPath: python)
            && FileManager.default.isExecutableFile(atPath: program.path)
    }

    private static var program: URL {
        URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent().appending(
            path: "lachesis-host")
    }

    let folder = FileManager.default.temporaryDirectory.appending(path: "lachesis-\(UUID().uuidString.prefix(8))")
    let process = Process()
    private let lifeline = Pipe()
    private let router: MessageSocket
    private var peer: [UInt8] = []
    /// Received and not asked for yet.
    private var reports: [HostReport] = []

    /// - Parameters:
    ///   - plugins: name and Python source of what each imports.
    ///   - layers: of the sandbox that workers go without.
    init(
        plugins: [String: String] = ["tiny": ""], environment: [String: String] = [:],
        without layers: [SandboxLayer] = []
    ) throws {
        let worker = folder.appending(path: "python/lachesis_worker")
        try FileManager.default.createDirectory(at: worker, withIntermediateDirectories: true)
        try Data().write(to: worker.appending(path: "__init__.py"))
        try Data(ScriptedWorker.zygote.utf8).write(to: worker.appending(path: "zygote.py"))
        try Data(ScriptedWorker.worker.utf8).write(to: worker.appending(path: "worker.py"))
        for (name, source) in plugins {
            let plugin = folder.appending(path: "plugins/\(name)")
            try FileManager.default.createDirectory(at: plugin, withIntermediateDirectories: true)
            try Data(source.utf8).write(to: plugin.appending(path: "plugin.toml"))
        }
        let endpoint = "ipc://\(folder.path)/hub"
        router = try MessageSocket.router(binding: endpoint)
        process.executableURL = Self.program
        process.arguments =
            [
                "host", "--connect", endpoint, "--plugins", folder.path + "/plugins", "--python", Self.python,
                "--worker-path", folder.path + "/python", "--runtime", folder.path + "/run",
            ] + layers.flatMap { ["--sandbox-without", $0.rawValue] }
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardInput = lifeline
        try process.run()
    }

    /// Closes the lifeline.
    /// - Returns: how long the host took to end.
    @discardableResult
    func end() -> Duration {
        let start = monotonicNow()
        try? lifeline.fileHandleForWriting.close()
        process.waitUntilExit()
        try? FileManager.default.removeItem(at: folder)
        return monotonicNow() - start
    }

    func send(_ command: HostCommand) throws { _ = try router.send(command.encoded, to: peer) }

    func start(_ epoch: Epoch, plugin: String = "tiny", build: Double = 20, step: Double = 5) throws {
        var order = Payloads.order(build: build, step: step)
        order.plugin = plugin
        try send(.start(epoch, order))
    }

    /// Starts a worker and has it built.
    func start(_ epoch: Epoch, script: String, plugin: String = "tiny", build: Double = 20, step: Double = 5) throws {
        try start(epoch, plugin: plugin, build: build, step: step)
        let order = try JSONSerialization.data(withJSONObject: ["definition": script])
        try send(.deliver(epoch, .build, Array(order)))
    }

    func deliver(_ epoch: Epoch, records: Int) throws { try send(.deliver(epoch, .batch, Payloads.batch(records))) }

    /// The first report, among those not returned yet, that fits; the others stay.
    func report<Found>(_ what: String, within time: Duration = .seconds(20), _ fits: (HostReport) -> Found?) throws
        -> Found
    {
        let deadline = monotonicNow() + time
        var position = 0
        while true {
            while position < reports.count {
                if let found = fits(reports[position]) {
                    reports.remove(at: position)
                    return found
                }
                position += 1
            }
            guard monotonicNow() < deadline else { throw Timeout(description: "\(what); there were \(reports)") }
            _ = try router.wait(reading: [], timeout: .milliseconds(50))
            while let (peer, message) = try router.receive() {
                self.peer = peer
                reports.append(try HostReport(decoding: message))
            }
        }
    }

    func awaitPlugin(_ name: String, _ state: PluginReport.State) throws -> PluginReport {
        try report("plugin \(name) \(state)") { report in
            if case .plugin(let plugin) = report, plugin.name == name, plugin.state == state { plugin } else { nil }
        }
    }

    func awaitStarted(_ epoch: Epoch) throws -> Int32 {
        try report("worker \(epoch) started") { if case .started(epoch, let pid) = $0 { pid } else { nil } }
    }

    func awaitMessage(_ epoch: Epoch) throws -> (kind: WorkerMessageKind, payload: [UInt8]) {
        try report("a message of \(epoch)") {
            if case .message(epoch, let kind, let payload) = $0 { (kind, payload) } else { nil }
        }
    }

    func awaitExit(_ epoch: Epoch) throws -> WorkerExit {
        try report("worker \(epoch) exited") { if case .exited(epoch, let exit) = $0 { exit } else { nil } }
    }

    /// Names in the runtime folder of the host's run.
    func workFolders() throws -> [String] {
        let run = folder.appending(path: "run").path
        return try FileManager.default.contentsOfDirectory(atPath: run).flatMap {
            try FileManager.default.contentsOfDirectory(atPath: "\(run)/\($0)")
        }
    }

    var openDescriptors: Int {
        (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(process.processIdentifier)/fd").count) ?? 0
    }

    /// Whether a process lives; one that has ended and waits to be reaped does not.
    static func isAlive(_ pid: Int32) -> Bool {
        guard let status = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8) else { return false }
        return !status.contains(") Z ")
    }
}
