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

    @OptionGroup var sandbox: SandboxOptions

    func run() throws {
        var configuration = HostConfiguration(
            endpoint: connect, plugins: plugins, python: python, workerPath: workerPath, runtime: runtime)
        configuration.missingLayers = Set(sandbox.without)
        do {
            try HostLoop(configuration).run()
        } catch {
            // With the usage, as it is a setting that is wrong.
            if error.code == .configuration { throw ValidationError(error.description) }
            throw error
        }
    }
}
