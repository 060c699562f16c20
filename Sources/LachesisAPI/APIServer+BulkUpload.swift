internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import LachesisFleet
internal import LachesisModel
internal import LachesisStore
internal import LachesisWire

extension APIServer {
    /// `POST /db/upload/{name}`: a list of records, of which all are stored or none; answers their number once they are on disk.
    /// Whoever asks there by GET without a WebSocket is told what is needed.
    func addUploadRoutes(to router: Router<APIContext>) {
        router.endpoint(
            "/db/upload/{name}", takesQuery: true,
            [
                .get: { _, _ in
                    throw APIError(
                        .upgradeRequired, "records are uploaded over a WebSocket, or with POST",
                        headers: [.upgrade: "websocket"])
                },
                .post: { [self] request, context in
                    try request.checkQuery([])
                    let battery = try context.battery()
                    let format = try BulkFormat(contentType: request.headers[.contentType])
                    return try await takingTurns(context, at: bulkUploads) {
                        try await upload(request, format, to: battery, context.caller)
                    }
                },
            ])
    }

    private func upload(
        _ request: Request, _ format: BulkFormat, to battery: BatteryName, _ caller: Caller
    ) async throws -> Response {
        let body = try await request.body.collect(upTo: limits.uploadBytes)
        let received = Date().timeIntervalSince1970
        let decoded = await decoding.run { [limits] () -> Result<RecordBatch, RefusedRecord> in
            do throws(RefusedRecord) {
                return .success(try format.decode(body, limits, received: received))
            } catch {
                return .failure(error)
            }
        }
        let batch: RecordBatch
        switch decoded {
        case .success(let whole): batch = whole
        case .failure(let refused): throw Self.refusal(refused)
        }
        guard let ticket = uploads.enter(battery, nil, caller) else {
            throw APIError(.conflict, "the battery '\(battery)' is being deleted")
        }
        defer { uploads.leave(battery, ticket) }
        if !batch.isEmpty, let refused = try await store.appendWhole(batch, to: battery) { throw Self.refusal(refused) }
        var json = JSONWriter()
        json.integer(batch.count)
        return .json(json.bytes)
    }

    private static func refusal(_ refused: RefusedRecord) -> APIError {
        if refused.refusal.kind == .tooMany { return APIError(.contentTooLarge, refused.description) }
        return .invalid(["body"] + (refused.refusal.key.map { [$0] } ?? []), refused.description)
    }
}

/// How the records of a request are written.
private enum BulkFormat {
    case json
    case msgpack

    /// - Parameter contentType: nil is JSON, as the client of ROVI-org's demonstration sends it.
    /// - Throws: `APIError` 415 if it is neither.
    init(contentType: String?) throws(APIError) {
        guard let contentType else {
            self = .json
            return
        }
        let type = contentType.split(separator: ";").first.map { $0.filter { !$0.isWhitespace }.lowercased() }
        switch type {
        case "application/json"?: self = .json
        case "application/msgpack"?, "application/x-msgpack"?, "application/vnd.msgpack"?: self = .msgpack
        default:
            throw APIError(
                .unsupportedMediaType, "records are application/json or application/msgpack, not '\(type ?? "")'")
        }
    }

    func decode(_ body: ByteBuffer, _ limits: Limits, received: Double) throws(RefusedRecord) -> RecordBatch {
        var batch = RecordBatch()
        switch self {
        case .json:
            var decoder = JSONRecordDecoder(limits: limits)
            try decoder.decode(Array(buffer: body), received: received, into: &batch)
        case .msgpack:
            let refused = body.withUnsafeReadableBytes { bytes -> RefusedRecord? in
                do throws(RefusedRecord) {
                    try RecordDecoder(limits: limits).decode(list: bytes, received: received, into: &batch)
                    return nil
                } catch {
                    return error
                }
            }
            if let refused { throw refused }
        }
        return batch
    }
}
