import ArgumentParser
import Foundation
import LachesisPages

/// Where the server finds what it starts; by default in the folder of the project that the program was built in.
struct InstallationOptions: ParsableArguments {
    @Option(help: "Folder whose subfolders are the plugins.")
    var plugins: String?

    @Option(help: "Python program of the virtual environment that workers use.")
    var python: String?

    @Option(help: "Folder that contains the package lachesis_worker.")
    var workerPath: String?

    @Option(help: "The lachesis-host program; by default beside this one.")
    var hostExecutable: String?

    @Option(help: "Folder of dygraphs, which draws the pages' plots.")
    var dygraphs = PlotLibrary.defaultFolder

    func resolved() throws -> Installation {
        let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        let root = Self.root(above: program)
        return Installation(
            plugins: try existing(plugins ?? root.map { $0 + "/plugins" }, "--plugins"),
            // Not resolved further: a virtual environment is recognised by the link's own place.
            python: try existing(python ?? root.map { $0 + "/.venv/bin/python" }, "--python"),
            workerPath: try existing(workerPath ?? root.map { $0 + "/python" }, "--worker-path"),
            hostExecutable: try existing(
                hostExecutable ?? program.deletingLastPathComponent().path + "/lachesis-host", "--host-executable"),
            dygraphs: dygraphs)
    }

    /// The nearest folder above the program that holds plugins and the workers' Python.
    private static func root(above program: URL) -> String? {
        var folder = program.deletingLastPathComponent()
        while folder.path != "/" {
            let marks = ["plugins", "python/lachesis_worker"].map { folder.appendingPathComponent($0).path }
            if marks.allSatisfy(FileManager.default.fileExists(atPath:)) { return folder.path }
            folder.deleteLastPathComponent()
        }
        return nil
    }

    private func existing(_ path: String?, _ option: String) throws -> String {
        guard let path else {
            throw ValidationError("\(option) is needed: the program does not lie in a project's folder")
        }
        let absolute = URL(fileURLWithPath: path).path
        guard FileManager.default.fileExists(atPath: absolute) else {
            throw ValidationError(
                "\(option): there is no '\(path)'; `make setup` and `make build` make what is missing")
        }
        return absolute
    }
}

/// Absolute paths.
struct Installation: Sendable {
    let plugins: String
    let python: String
    let workerPath: String
    let hostExecutable: String
    /// Need not be there.
    let dygraphs: String
}
