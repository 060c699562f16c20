import ArgumentParser

@main
struct Lachesisd: AsyncParsableCommand {
    static let version = "0.1.0"

    static let configuration = CommandConfiguration(
        commandName: "lachesisd",
        abstract: "Hosts online estimators of battery health.",
        version: version,
        subcommands: [ServeCommand.self, BackupCommand.self, CheckCommand.self, TokenCommand.self, WorkersCommand.self])
}
