import ArgumentParser
import LachesisStore

struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Reads the whole database and tells what is wrong in it, also while a server is running.",
        discussion: "Exits with 1 if something is.")

    @OptionGroup var database: DatabaseOptions

    func run() throws {
        let report = try Store.check(folder: database.folder())
        for problem in report.problems { print("wrong: \(problem)") }
        print(
            "\(report.batteries) batteries, \(report.records) records, \(report.estimates) estimates, "
                + "\(report.checkpoints) checkpoints: "
                + (report.problems.isEmpty ? "all is well" : "\(report.problems.count) problems"))
        if !report.problems.isEmpty { throw ExitCode.failure }
    }
}
