import ArgumentParser
import LachesisStore

struct BackupCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup",
        abstract: "Copies the database into one file, also while a server is running.",
        discussion: """
            The copy is the database as it was at one moment. To go on from it, put it as `lachesis.sqlite` into a folder \
            of its own and start a server there with --data.
            """)

    @OptionGroup var database: DatabaseOptions

    @Argument(help: "File to write; it must not exist.", completion: .file())
    var file: String

    func run() throws {
        let backup = try Store.backup(folder: database.folder(), to: file)
        print("\(file): \(backup.batteries) batteries, \(backup.records) records, \(backup.bytes) bytes")
    }
}
