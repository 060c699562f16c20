internal import Hummingbird
internal import LachesisModel
internal import LachesisStore

extension APIServer {
    /// `GET /db/data/{name}`, and an explanation for those who ask `/db/upload/{name}` without a WebSocket.
    func addDataRoutes(to router: Router<APIContext>) {
        router.endpoint("/db/data/{name}", [.get: { [self] request, context in try await data(request, context) }])
        router.endpoint(
            "/db/upload/{name}",
            [
                .get: { _, _ in
                    throw APIError(
                        .upgradeRequired, "records are uploaded over a WebSocket", headers: [.upgrade: "websocket"])
                }
            ])
    }

    /// Rows as a JSON list of objects, oldest first, in constant memory.
    ///
    /// Query: `start` and `end` (test_time, s, both inclusive), `limit` (the newest so many), `format` (`json`).
    private func data(_ request: Request, _ context: APIContext) async throws -> Response {
        let battery = try context.battery()
        let format = try request.queryText("format") ?? "json"
        guard format == "json" else {
            throw APIError.invalid(["query", "format"], "'\(format)' is not offered; json is")
        }
        let (start, end) = (try request.queryNumber("start"), try request.queryNumber("end"))
        var limit: Int?
        if let text = try request.queryText("limit") {
            guard let number = Int(text), number >= 0 else {
                throw APIError.invalid(
                    ["query", "limit"], "'\(text)' is not a whole number from 0", type: "int_parsing")
            }
            limit = number
        }
        var rows = try store.data(of: battery, start: start, end: end, limit: limit)
        // The first page is read before the head is sent, so that what fails at once fails with a status.
        let first = try await rows.next()
        return Response(
            status: .ok, headers: [.contentType: "application/json"],
            body: ResponseBody { [rows] writer in
                var rows = rows
                var json = JSONWriter(capacity: 1 << 18)
                json.beginArray()
                var page = first
                while let current = page {
                    for row in current { Self.write(row, columns: rows.columns, to: &json) }
                    try await writer.write(ByteBuffer(bytes: json.drain()))
                    page = try await rows.next()
                }
                json.endArray()
                try await writer.write(ByteBuffer(bytes: json.drain()))
                try await writer.finish(nil)
            })
    }

    private static func write(_ row: ArraySlice<Value>, columns: [TableSchema.Column], to json: inout JSONWriter) {
        json.beginObject()
        for (column, value) in zip(columns, row) {
            json.key(column.name)
            json.value(value)
        }
        json.endObject()
    }
}
