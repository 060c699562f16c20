internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import LachesisModel
internal import LachesisStore

extension APIServer {
    /// `GET /db/data/{name}` and `GET /online/history/{name}`: rows in the format that is asked for, streamed in constant memory.
    func addDataRoutes(to router: Router<APIContext>) {
        router.endpoint("/db/data/{name}", takesQuery: true, [.get: { [self] in try await data($0, $1) }])
        router.endpoint(
            "/online/history/{name}", takesQuery: true, [.get: { [self] in try await history($0, $1) }])
    }

    private func data(_ request: Request, _ context: APIContext) async throws -> Response {
        let battery = try context.battery()
        let known = store.stats(of: battery)?.columns.map(\.name) ?? []
        let asked = try RowRequest(request, known: known)
        let rows = try Self.reader { () throws(StoreError) in try store.data(of: battery, asked.selection) }
        return try await Self.response(rows, asked.format, of: battery, "") { KnownColumns.unit(of: $0) }
    }

    private func history(_ request: Request, _ context: APIContext) async throws -> Response {
        let battery = try context.battery()
        let known = try store.history(of: battery).columns.map(\.name)
        let asked = try RowRequest(request, known: known)
        let rows = try Self.reader { () throws(StoreError) in try store.history(of: battery, asked.selection) }
        // The units of states are not known, whatever they are called.
        return try await Self.response(rows, asked.format, of: battery, " estimates") { name in
            name == KnownColumns.testTime ? KnownColumns.unit(of: name) : nil
        }
    }

    private static func reader(_ open: () throws(StoreError) -> DataReader) throws -> DataReader {
        do { return try open() } catch {
            guard error.code == .unknownColumn else { throw error }
            throw APIError.invalid(["query", "columns"], error.message)
        }
    }

    private static func response(
        _ reader: DataReader, _ format: RowFormat, of battery: BatteryName, _ suffix: String,
        unit: (String) -> String?
    ) async throws -> Response {
        var reader = reader
        let columns = reader.columns.map { RowColumn(name: $0.name, type: $0.type, unit: unit($0.name)) }
        // The first page is read before the head is sent, so that what fails at once fails with a status.
        let first = try await reader.next()
        var headers: HTTPFields = [.contentType: format.contentType, .vary: "Accept"]
        if format == .csv || format == .msgpack {
            headers[.contentDisposition] = attachment("\(battery.text)\(suffix).\(format.fileExtension)")
        }
        return Response(
            status: .ok, headers: headers,
            body: ResponseBody { [reader] writer in
                var (reader, encoder) = (reader, format.encoder())
                encoder.begin(columns)
                var page = first
                while let current = page {
                    for row in current { encoder.append(row) }
                    try await writer.write(ByteBuffer(bytes: encoder.drain()))
                    page = try await reader.next()
                }
                encoder.end()
                try await writer.write(ByteBuffer(bytes: encoder.drain()))
                try await writer.finish(nil)
            })
    }

    /// `Content-Disposition` of a file (RFC 6266): its name in ASCII, and in full for those who can read it.
    private static func attachment(_ name: String) -> String {
        let plain = String(String.UnicodeScalarView(name.unicodeScalars.map { $0.isASCII ? $0 : "_" }))
        let allowed = CharacterSet(charactersIn: "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~")
        let encoded = name.addingPercentEncoding(withAllowedCharacters: allowed) ?? plain
        return "attachment; filename=\"\(plain)\"" + (plain == name ? "" : "; filename*=UTF-8''\(encoded)")
    }
}
