import ArgumentParser
import Foundation
import FoundationNetworking

/// Where a running server is asked, and by whose right.
struct ConnectionOptions: ParsableArguments {
    @Option(help: "Address of the server; by default that of the variable LACHESIS_URL, else http://127.0.0.1:8000.")
    var url: String?

    @Option(help: "File with the token; without it that of the variable LACHESIS_TOKEN.", completion: .file())
    var tokenFile: String?

    /// - Throws: `CommandError` if the address is none, or the file cannot be read.
    func connection() throws(CommandError) -> ServerConnection {
        let environment = ProcessInfo.processInfo.environment
        let address = url ?? environment["LACHESIS_URL"].flatMap { $0.isEmpty ? nil : $0 } ?? "http://127.0.0.1:8000"
        guard let url = URL(string: address), ["http", "https"].contains(url.scheme), url.host != nil else {
            throw CommandError(
                "\(url == nil ? "LACHESIS_URL" : "--url"): '\(address)' is no address such as http://127.0.0.1:8000")
        }
        var token = environment["LACHESIS_TOKEN"]
        if let tokenFile {
            guard let text = try? String(contentsOfFile: tokenFile, encoding: .utf8) else {
                throw CommandError("--token-file: '\(tokenFile)' cannot be read")
            }
            token = text
        }
        token = token?.trimmingCharacters(in: .whitespacesAndNewlines)
        return ServerConnection(url: url, token: token?.isEmpty == false ? token : nil)
    }
}

/// Asks a running server over HTTP.
struct ServerConnection {
    /// How long an answer may take: a checkpoint's does longest. s
    private static let patience = 60.0

    let url: URL
    let token: String?

    /// - Parameters:
    ///   - path: its components, not encoded.
    ///   - query: likewise.
    /// - Returns: the answer's body.
    /// - Throws: `CommandError` with the server's own words if it refuses, or why it cannot be reached.
    func request(
        _ method: String, _ path: [String], query: [URLQueryItem] = []
    ) async throws(CommandError) -> Data {
        // One that is asked on the machine itself is not behind the proxy that the environment may name.
        for variable in ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
            unsetenv(variable)
        }
        var address = path.reduce(url) { $0.appendingPathComponent($1) }
        if !query.isEmpty { address.append(queryItems: query) }
        var request = URLRequest(url: address)
        request.httpMethod = method
        request.timeoutInterval = Self.patience
        if let token { request.setValue("Bearer \(token)", forHTTPHeaderField: "Authorization") }
        let (body, response): (Data, URLResponse)
        do { (body, response) = try await URLSession(configuration: .ephemeral).data(for: request) } catch {
            throw CommandError("the server at \(url) cannot be reached: \(error.localizedDescription)")
        }
        let status = (response as? HTTPURLResponse)?.statusCode ?? 0
        guard status == 200 else {
            throw CommandError("the server refuses (\(status)): \(Self.detail(body))")
        }
        return body
    }

    private struct Refusal: Decodable {
        struct Item: Decodable { let msg: String }
        let text: String

        private enum CodingKeys: String, CodingKey { case detail }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            if let text = try? container.decode(String.self, forKey: .detail) {
                self.text = text
            } else {
                text = try container.decode([Item].self, forKey: .detail).map(\.msg).joined(separator: "; ")
            }
        }
    }

    private static func detail(_ body: Data) -> String {
        (try? JSONDecoder().decode(Refusal.self, from: body))?.text ?? String(decoding: body.prefix(200), as: UTF8.self)
    }
}
