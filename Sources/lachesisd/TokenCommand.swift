import ArgumentParser
import Foundation
import LachesisAPI
import LachesisModel
import LachesisStore

struct TokenCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token",
        abstract: "Makes, lists and revokes tokens, also while a server is running, which then knows within a second.",
        subcommands: [Create.self, List.self, Revoke.self])

    struct Create: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes a token and prints it, this once: what is stored is a hash of it.")

        @OptionGroup var database: DatabaseOptions

        @Flag(help: "Make folder and database if they are missing, before the server's first start.")
        var newDatabase = false

        @Option(help: "read, upload, register or admin; may be given more than once.")
        var role: [Role]

        @Option(help: "A battery that the token may upload to; may be given more than once. Default: all.")
        var battery: [String] = []

        @Option(help: "What people know the token by.")
        var label = ""

        func validate() throws {
            guard !role.isEmpty else { throw ValidationError("--role is needed: read, upload, register or admin") }
            guard battery.isEmpty || role.contains(.upload) && !role.contains(.admin) else {
                throw ValidationError("--battery limits the role upload; admin may do everything")
            }
        }

        func run() throws {
            let batteries = battery.isEmpty ? nil : Set(try battery.map(Self.name))
            let folder = newDatabase ? database.data : try database.folder()
            let table = try TokenTable(folder: folder, makes: newDatabase)
            defer { table.close() }
            let (secret, grant) = try table.create(roles: Set(role), batteries: batteries, label: label)
            note(
                "token create", grant.id, "\(grant.roles.map(\.rawValue).sorted().joined(separator: " ")) '\(label)'",
                folder)
            print(secret.text)
        }

        private static func name(_ text: String) throws -> BatteryName {
            do { return try BatteryName(text) } catch { throw ValidationError("--battery '\(text)': \(error)") }
        }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists the tokens, without their secrets.")

        @OptionGroup var database: DatabaseOptions

        @Flag(help: "Print a JSON list.")
        var json = false

        func run() throws {
            let table = try TokenTable(folder: database.folder(), makes: false)
            defer { table.close() }
            let grants = try table.list()
            print(json ? String(decoding: Self.json(grants), as: UTF8.self) : Self.text(grants))
        }

        private static func text(_ grants: [Grant]) -> String {
            guard !grants.isEmpty else { return "there are no tokens" }
            return grants.map { grant in
                let roles = grant.roles.map(\.rawValue).sorted().joined(separator: " ")
                let batteries = grant.batteries.map { " for " + $0.sorted().map(\.text).joined(separator: ", ") } ?? ""
                return "\(grant.id)  \(created(grant))  \(roles)\(batteries)  \(grant.label)"
            }.joined(separator: "\n")
        }

        private static func json(_ grants: [Grant]) -> [UInt8] {
            var json = JSONWriter()
            json.beginArray()
            for grant in grants {
                json.beginObject()
                json.key("id")
                json.integer(grant.id)
                json.key("label")
                json.string(grant.label)
                json.key("roles")
                json.strings(grant.roles.map(\.rawValue).sorted())
                json.key("batteries")
                if let batteries = grant.batteries { json.strings(batteries.sorted().map(\.text)) } else { json.null() }
                json.key("created")
                json.string(created(grant))
                json.endObject()
            }
            json.endArray()
            return json.bytes
        }

        private static func created(_ grant: Grant) -> String {
            Date(timeIntervalSince1970: grant.created).formatted(.iso8601)
        }
    }

    struct Revoke: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes a token worthless; a server closes the uploads that were opened with it.")

        @OptionGroup var database: DatabaseOptions

        @Argument(help: "The token's number, as `token list` gives it.")
        var id: Int64

        func run() throws {
            let folder = try database.folder()
            let table = try TokenTable(folder: folder, makes: false)
            defer { table.close() }
            let (wasThere, left) = try table.revoke(id)
            note("token revoke", id, wasThere ? nil : "there is none", folder, isRefused: !wasThere)
            guard wasThere else { throw CommandError("there is no token \(id)") }
            guard left == 0 else { return }
            complain(
                "no token is left: a server that listens on loopback now serves everybody on this machine, "
                    + "any other nobody")
        }
    }
}

extension Role: ExpressibleByArgument {}

/// Why a command could not do what it was asked; shown as it is, with 1 as the exit code.
struct CommandError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// Writes a command on tokens into the audit log; it is done already, so a failure only makes a complaint.
private func note(_ action: String, _ token: Int64, _ detail: String?, _ folder: String, isRefused: Bool = false) {
    var entry = AuditEntry(action: action, caller: .local)
    entry.token = token
    entry.detail = detail
    if isRefused { entry.outcome = .refused }
    do { try AuditLog.append(entry, folder: folder) } catch { complain("the audit log cannot be written: \(error)") }
}

private func complain(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }
