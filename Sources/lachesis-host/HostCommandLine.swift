internal import ArgumentParser
internal import LachesisHost

struct HostCommandLine: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "host",
        abstract: "Starts, feeds, watches and stops workers until standard input closes or SIGTERM comes.")

    @Option(help: "ZeroMQ address of the daemon, such as ipc:///run/lachesis/hub.")
    var connect: String

    @Option(help: "Folder whose subfolders with a plugin.toml are the plugins.")
    var plugins: String

    @Option(help: "The Python program of the virtual environment whose packages the workers import.")
    var python: String

    @Option(help: "Folder that contains the package lachesis_worker.")
    var workerPath: String

    @Option(help: "Folder for what lives no longer than the host; by default one of this user's in /tmp.")
    var runtime: String?

    @Option(help: "MiB of all messages together that workers have begun and not ended.")
    var maxUnfinishedMb: Int?

    @Option(help: "Seconds from the beginning of a worker's message to its end.")
    var messageTimeout: Double?

    @Flag(help: "Log lines of JSON.")
    var logJSON = false

    @OptionGroup var sandbox: SandboxOptions

    func run() throws {
        if logJSON { HostLog.becomeJSON() }
        var configuration = HostConfiguration(
            endpoint: connect, plugins: plugins, python: python, workerPath: workerPath, runtime: runtime)
        configuration.missingLayers = Set(sandbox.without)
        if let maxUnfinishedMb {
            guard (1...1 << 30).contains(maxUnfinishedMb) else {
                throw ValidationError("--max-unfinished-mb must be from 1 to \(1 << 30)")
            }
            configuration.unfinishedBytes = maxUnfinishedMb << 20
        }
        if let messageTimeout {
            guard messageTimeout > 0, messageTimeout <= 1e6 else {
                throw ValidationError("--message-timeout must be greater than zero and at most 1e6")
            }
            configuration.messageTime = .seconds(messageTimeout)
        }
        do {
            try HostLoop(configuration).run()
        } catch {
            // With the usage, as it is a setting that is wrong.
            if error.code == .configuration { throw ValidationError(error.description) }
            throw error
        }
    }
}
