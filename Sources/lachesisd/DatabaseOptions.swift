import ArgumentParser
import Foundation
import LachesisStore

/// The database that a command is about, whether or not a server is at work there.
struct DatabaseOptions: ParsableArguments {
    @Option(help: "Folder of the database.")
    var data = "./data"

    /// The folder, which holds a database: a command that made one where there is none would answer for another server.
    /// - Throws: `CommandError` that names the folder in full.
    func folder() throws(CommandError) -> String {
        guard Store.isThere(in: data) else {
            throw CommandError("the folder '\(fullPath)' holds no database; --data says where the server's is")
        }
        return data
    }

    private var fullPath: String { URL(fileURLWithPath: data).standardizedFileURL.path }
}
