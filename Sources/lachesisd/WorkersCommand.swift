import ArgumentParser
import Foundation
import LachesisFleet

struct WorkersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "workers",
        abstract: "Lists the workers of a running server, or does something with one.",
        discussion: """
            pause: it gets no records; its process stays while its place is not needed. \
            stop: its process is ended, its state saved. resume: ends either. \
            restart: goes on in another process from its state; also one that is parked. checkpoint: its state is saved. \
            limits: its script is limited to what --set says, and goes on in another process. \
            A pause and a stop outlive the server.
            """)

    enum Action: String, ExpressibleByArgument, CaseIterable {
        case list, pause, stop, resume, restart, checkpoint, limits
    }

    @Argument(help: "list, pause, stop, resume, restart, checkpoint or limits.")
    var action = Action.list

    @Argument(help: "The battery whose worker it is; for all but list.")
    var name: String?

    @Option(
        name: .customLong("set"),
        help:
            "A limit such as memory_mb=512, for limits; may be given more than once. Without a number: the server's own."
    )
    var limits: [String] = []

    @OptionGroup var options: ConnectionOptions

    @Flag(help: "Print the server's answer, JSON.")
    var json = false

    func validate() throws {
        guard (action == .list) == (name == nil) else {
            throw ValidationError(action == .list ? "list takes no name" : "\(action.rawValue) needs a battery's name")
        }
        guard (action == .limits) == !limits.isEmpty, limits.allSatisfy({ $0.contains("=") }) else {
            throw ValidationError(
                action == .limits
                    ? "limits needs at least one --set KEY=NUMBER, such as --set memory_mb=512"
                    : "--set is for limits alone")
        }
    }

    func run() async throws {
        let connection = try options.connection()
        if let name {
            let body = try await connection.request("POST", ["admin", "workers", name, action.rawValue], query: query)
            print(json ? String(decoding: body, as: UTF8.self) : "\(name): \(try Self.decode(Answer.self, body).text)")
        } else {
            let body = try await connection.request("GET", ["admin", "workers"])
            print(json ? String(decoding: body, as: UTF8.self) : try Self.decode(Overview.self, body).table)
        }
    }

    private var query: [URLQueryItem] {
        limits.map { limit in
            let parts = limit.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            return URLQueryItem(name: parts[0], value: parts[1])
        }
    }

    private static func decode<Body: Decodable>(_ type: Body.Type, _ body: Data) throws -> Body {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        do { return try decoder.decode(type, from: body) } catch {
            throw CommandError("the server's answer is not understood: is it of another version?")
        }
    }

    private struct Answer: Decodable {
        let state: String
        let limits: [String: Double]?

        /// The state, and all that the script is kept to now if it has changed.
        var text: String {
            let limits = (limits ?? [:]).sorted { $0.key < $1.key }.map {
                "\($0.key) \(String(format: $0.value == $0.value.rounded() ? "%.0f" : "%g", $0.value))"
            }
            return ([state] + (limits.isEmpty ? [] : ["limits " + limits.joined(separator: ", ")])).joined(
                separator: "; ")
        }
    }

    private struct Overview: Decodable {
        struct Worker: Decodable {
            let name, state: String
            let version, lagRecords, restarts: Int
            let pid, memoryBytes: Int?
            let stepsPerSecond: Double
            let lagSeconds, cpuSeconds: Double?
            let lastError: String?
            let acceleration: Acceleration

            struct Acceleration: Decodable { let inUse: String? }

            /// A script's problem in one line: of a traceback the exception, else the last line.
            private static func headline(_ problem: String) -> Substring {
                let lines = problem.split(separator: "\n")
                let frame = lines.lastIndex { $0.drop(while: \.isWhitespace).hasPrefix("File \"") }
                guard let frame else { return lines.last ?? "" }
                // The source, and what points at a place in it, are indented.
                return lines[(frame + 1)...].first { $0.first?.isWhitespace == false } ?? ""
            }

            var cells: [String] {
                [
                    name, state, "\(version)", pid.map { "\($0)" } ?? "-", "\(lagRecords)",
                    lagSeconds.map { String(format: "%.0f", $0) } ?? "-", String(format: "%.1f", stepsPerSecond),
                    memoryBytes.map { String(format: "%.1f", Double($0) / 1_048_576) } ?? "-",
                    cpuSeconds.map { String(format: "%.1f", $0) } ?? "-", "\(restarts)",
                    acceleration.inUse ?? "-",
                    String(Self.headline(lastError ?? "").prefix(60)),
                ]
            }
        }

        let workers: [Worker]

        var table: String {
            guard !workers.isEmpty else { return "there are no estimators" }
            let titles = [
                "BATTERY", "STATE", "VERSION", "PID", "LAG", "LAG/s", "STEPS/s", "MEMORY/MiB", "CPU/s", "RESTARTS",
                "ACCELERATION", "ERROR",
            ]
            return TextTable(titles: titles, rows: workers.map(\.cells), leading: [0, 1, titles.count - 1]).text
        }
    }
}
