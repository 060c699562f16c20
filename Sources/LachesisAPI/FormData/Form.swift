internal import Foundation
internal import Hummingbird
internal import NIOCore

/// The parts of a form as a request carries it: `multipart/form-data`, or `application/x-www-form-urlencoded` without files.
struct Form {
    let parts: [FormPart]

    /// - Parameter totalBytes: of the body. What is larger is refused without being read to its end.
    /// - Throws: `APIError` 400, 413 or 415, `FormError`.
    init(_ request: Request, limits: FormLimits, totalBytes: Int) async throws {
        guard let contentType = request.headers[.contentType] else {
            throw APIError(.unsupportedMediaType, "a form is expected; the request has no Content-Type")
        }
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > totalBytes {
            throw APIError(.contentTooLarge, "the form has \(length) bytes; at most \(totalBytes) are allowed")
        }
        let (kind, parameters) = try ContentDisposition.parse(contentType[...])
        switch kind {
        case "multipart/form-data":
            guard let boundary = parameters["boundary"] else {
                throw FormError(.malformed, "the Content-Type has no boundary")
            }
            var parser = try MultipartParser(boundary: boundary, limits: limits)
            try await Self.read(request, totalBytes: totalBytes) { try parser.push($0.readableBytesView) }
            parts = try parser.finish()
        case "application/x-www-form-urlencoded":
            var body: [UInt8] = []
            try await Self.read(request, totalBytes: min(totalBytes, 4 * limits.fieldBytes)) {
                body.append(contentsOf: $0.readableBytesView)
            }
            parts = try Self.urlEncoded(body, limits: limits)
        default:
            throw APIError(.unsupportedMediaType, "a form (multipart/form-data) is expected, not '\(kind)'")
        }
    }

    private static func read(_ request: Request, totalBytes: Int, _ take: (ByteBuffer) throws -> Void) async throws {
        var count = 0
        for try await buffer in request.body {
            count += buffer.readableBytes
            guard count <= totalBytes else {
                throw APIError(.contentTooLarge, "the form is larger than the \(totalBytes) bytes that are allowed")
            }
            try take(buffer)
        }
    }

    static func urlEncoded(_ body: [UInt8], limits: FormLimits) throws(FormError) -> [FormPart] {
        guard let text = String(validating: body, as: UTF8.self) else {
            throw FormError(.malformed, "the form is not UTF-8")
        }
        let pairs = text.split(separator: "&")
        guard pairs.count <= limits.parts else {
            throw FormError(.tooLarge, "the form has more than \(limits.parts) fields")
        }
        var parts: [FormPart] = []
        for pair in pairs {
            let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let decoded = sides.map { $0.replacing("+", with: " ").removingPercentEncoding }
            guard let name = decoded[0], let value = decoded.count == 2 ? decoded[1] : "" else {
                throw FormError(.malformed, "a field is not percent-encoded UTF-8")
            }
            guard value.utf8.count <= limits.fieldBytes else {
                throw FormError(.tooLarge, "the field '\(name)' exceeds \(limits.fieldBytes) bytes")
            }
            parts.append(FormPart(name: name, content: Array(value.utf8)))
        }
        return parts
    }
}
