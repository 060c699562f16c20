internal import ArgumentParser
internal import LachesisHost

struct ZygoteCommandLine: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "zygote",
        abstract:
            "Imports a plugin's packages and forks workers; started by the host, which holds its descriptor 3.",
        shouldDisplay: false)

    @Option(help: "The plugin's folder.")
    var plugin: String

    @Option(help: "The Python program of the virtual environment whose packages the workers import.")
    var python: String

    @Option(help: "Folder that contains the package lachesis_worker.")
    var workerPath: String

    @OptionGroup var sandbox: SandboxOptions

    func run() {
        Zygote.run(plugin: plugin, python: python, workerPath: workerPath, without: Set(sandbox.without))
    }
}
