import ArgumentParser
import LachesisFleet
import LachesisModel
import Logging

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Runs the server until SIGTERM or SIGINT.")

    @Option(help: "Folder of the database; made if it is missing.")
    var data = "./data"

    @Option(help: "Address to listen at.")
    var host = "127.0.0.1"

    @Option(help: "Port to listen at; 0 takes a free one.")
    var port = 8000

    @Option(help: "trace, debug, info, notice, warning, error or critical.")
    var logLevel = "info"

    @Option(help: "text or json: lines for people, or one JSON object each.")
    var logFormat = LogFormat.text

    @OptionGroup(title: "Access") var access: AccessOptions
    @OptionGroup(title: "Installation") var installation: InstallationOptions
    @OptionGroup(title: "Limits") var limits: LimitOptions
    @OptionGroup(title: "Workers") var workers: WorkerOptions
    @OptionGroup(title: "Messages") var messages: MessageOptions
    @OptionGroup(title: "Sandbox") var sandbox: SandboxOptions

    func validate() throws {
        guard (0...65_535).contains(port) else { throw ValidationError("--port must be from 0 to 65535") }
        guard Logger.Level(rawValue: logLevel) != nil else {
            throw ValidationError("--log-level must not be '\(logLevel)'")
        }
    }

    func run() async throws {
        let daemon = Daemon(
            data: data, host: host, port: port, logLevel: Logger.Level(rawValue: logLevel) ?? .info,
            logFormat: logFormat,
            installation: try installation.resolved(), limits: try limits.resolved(), fleet: try workers.resolved(),
            messages: messages, missingLayers: sandbox.sandboxWithout, hosts: try access.hosts(listening: host),
            sockets: try access.sockets(), audit: access.audit)
        try await daemon.run()
    }
}

/// How the log is written.
enum LogFormat: String, ExpressibleByArgument, CaseIterable, Sendable { case text, json }

/// Limits that differ from their defaults; see `Limits`.
struct LimitOptions: ParsableArguments {
    @Option(help: "Bytes of one record's message.")
    var maxRecordBytes = Limits().recordBytes

    @Option(help: "Columns of one battery.")
    var maxColumns = Limits().columns

    @Option(help: "Bytes of the records of one request.")
    var maxUploadBytes = Limits().uploadBytes

    @Option(help: "Records of one request.")
    var maxUploadRecords = Limits().uploadRecords

    @Option(help: "Bytes of a metadata document.")
    var maxMetadataBytes = Limits().metadataBytes

    @Option(help: "Bytes of a script.")
    var maxScriptBytes = Limits().scriptBytes

    @Option(help: "Bytes of one file of a registration.")
    var maxFileBytes = Limits().fileBytes

    @Option(help: "Files of a registration.")
    var maxFiles = Limits().files

    @Option(help: "Bytes of a registration in all.")
    var maxRegistrationBytes = Limits().registrationBytes

    @Option(help: "Seconds that a script may take until its estimator is ready.")
    var buildTimeout = Limits().buildTime / .seconds(1)

    @Option(help: "Seconds of processor time that a script may take until then; by default as many as --build-timeout.")
    var buildCpu: Double?

    @Option(help: "Seconds that one step may take.")
    var stepTimeout = Limits().stepTime / .seconds(1)

    @Option(help: "MiB of memory of one worker beyond what all share; a registration may ask for less.")
    var maxMemoryMb = Limits().memoryBytes >> 20

    @Option(help: "MiB of a worker's folder, likewise.")
    var maxFolderMb = Limits().folderBytes >> 20

    @Option(help: "Threads of a worker, likewise.")
    var maxThreads = Limits().threads

    @Option(help: "Processors that one worker may keep busy, where the system lets the server limit that.")
    var maxCores = Limits().cores

    @Option(help: "KiB of a script's output that are kept, likewise.")
    var maxLogKb = Limits().logBytes >> 10

    @Option(help: "KiB of a script's output that are kept of one second, likewise.")
    var maxLogRateKb = Limits().logRateBytes >> 10

    func resolved() throws -> Limits {
        let counts = [
            maxRecordBytes, maxColumns, maxMetadataBytes, maxScriptBytes, maxFileBytes, maxFiles, maxRegistrationBytes,
            maxMemoryMb, maxFolderMb, maxThreads, maxUploadBytes, maxUploadRecords,
            maxLogKb, maxLogRateKb,
        ]
        guard counts.allSatisfy({ $0 > 0 }) else { throw ValidationError("limits must be greater than zero") }
        let buildCpu = buildCpu ?? buildTimeout
        guard [buildTimeout, buildCpu, stepTimeout].allSatisfy({ $0 > 0 && $0 <= 1e6 }) else {
            throw ValidationError(
                "--build-timeout, --build-cpu and --step-timeout must be greater than zero and at most 1e6")
        }
        guard maxCores > 0, maxCores <= 1e6 else {
            throw ValidationError("--max-cores must be greater than zero and at most 1e6")
        }
        guard max(maxMemoryMb, maxFolderMb, maxLogKb, maxLogRateKb) <= 1 << 30 else {
            throw ValidationError("--max-memory-mb, --max-folder-mb, --max-log-kb and --max-log-rate-kb are too large")
        }
        guard maxFileBytes <= 64 << 20 else { throw ValidationError("--max-file-bytes must not exceed 64 MiB") }
        var limits = Limits()
        limits.recordBytes = maxRecordBytes
        limits.columns = maxColumns
        limits.uploadBytes = maxUploadBytes
        limits.uploadRecords = maxUploadRecords
        limits.metadataBytes = maxMetadataBytes
        limits.scriptBytes = maxScriptBytes
        limits.fileBytes = maxFileBytes
        limits.files = maxFiles
        limits.registrationBytes = maxRegistrationBytes
        limits.cores = maxCores
        limits.buildTime = .seconds(buildTimeout)
        limits.buildCPUTime = .seconds(buildCpu)
        limits.stepTime = .seconds(stepTimeout)
        (limits.memoryBytes, limits.folderBytes, limits.threads) = (maxMemoryMb << 20, maxFolderMb << 20, maxThreads)
        (limits.logBytes, limits.logRateBytes) = (maxLogKb << 10, maxLogRateKb << 10)
        return limits
    }
}
