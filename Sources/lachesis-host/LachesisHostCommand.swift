internal import ArgumentParser

/// The program's command line.
@main
struct LachesisHostCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lachesis-host",
        abstract: "Runs estimators for lachesisd; started by it, not by hand.",
        subcommands: [HostCommandLine.self, ZygoteCommandLine.self])
}
