/// Reads `multipart/form-data` (RFC 7578) as it arrives, in pieces of any size: pure, no I/O.
///
/// What it holds back between pieces is at most a boundary or one part's header fields; the parts' contents it keeps.
package struct MultipartParser {
    private enum State {
        /// Before the first boundary.
        case preamble
        /// Just behind a boundary: `--` ends the form, a line break begins a part.
        case afterBoundary
        case headers
        case content
        /// Behind the last boundary; whatever follows is ignored.
        case epilogue
    }

    private let delimiter: [UInt8]
    private let limits: FormLimits
    private var state = State.preamble
    /// A line break before the first byte makes the first boundary look like all others.
    private var pending: [UInt8] = [13, 10]
    private var part = FormPart(name: "", content: [])
    private var parts: [FormPart] = []
    /// Whether the line break before the part's content is behind us.
    private var hasTakenContent = false

    /// - Parameter boundary: as the Content-Type gives it; 1–70 characters.
    package init(boundary: String, limits: FormLimits) throws(FormError) {
        guard (1...70).contains(boundary.utf8.count) else {
            throw FormError(.malformed, "the boundary must have 1 to 70 characters")
        }
        delimiter = Array("\r\n--\(boundary)".utf8)
        self.limits = limits
    }

    package mutating func push(_ bytes: some Sequence<UInt8>) throws(FormError) {
        guard state != .epilogue else { return }
        pending.append(contentsOf: bytes)
        while try advance() {}
    }

    /// - Throws: `FormError` if the form ends before its last boundary.
    package consuming func finish() throws(FormError) -> [FormPart] {
        guard state == .epilogue else { throw FormError(.malformed, "the form ends before its closing boundary") }
        return parts
    }

    /// One step; false if more bytes are needed.
    private mutating func advance() throws(FormError) -> Bool {
        switch state {
        case .preamble:
            guard let start = find(delimiter) else {
                keepTail()
                return false
            }
            pending.removeFirst(start + delimiter.count)
            state = .afterBoundary
            return true
        case .afterBoundary: return try passBoundary()
        case .headers: return try readHeaders()
        case .content: return try readContent()
        case .epilogue:
            pending = []
            return false
        }
    }

    private mutating func passBoundary() throws(FormError) -> Bool {
        guard pending.count >= 2 else { return false }
        if pending.starts(with: [45, 45]) {
            state = .epilogue
            return true
        }
        // Spaces may stand between the boundary and its line break.
        let padding = pending.prefix { $0 == 32 || $0 == 9 }.count
        guard padding <= 256 else { throw FormError(.malformed, "a boundary is not followed by a line break") }
        guard pending.count >= padding + 2 else { return false }
        guard pending[padding] == 13, pending[padding + 1] == 10 else {
            throw FormError(.malformed, "a boundary is not followed by a line break")
        }
        guard parts.count < limits.parts else {
            throw FormError(.tooLarge, "the form has more than \(limits.parts) parts")
        }
        // The line break stays: with it a part without header fields begins with an empty line too.
        pending.removeFirst(padding)
        state = .headers
        return true
    }

    private mutating func readHeaders() throws(FormError) -> Bool {
        guard let end = find([13, 10, 13, 10]) else {
            guard pending.count <= limits.headerBytes else {
                throw FormError(.tooLarge, "a part's header fields exceed \(limits.headerBytes) bytes")
            }
            return false
        }
        guard end <= limits.headerBytes else {
            throw FormError(.tooLarge, "a part's header fields exceed \(limits.headerBytes) bytes")
        }
        let disposition = try ContentDisposition(headers: pending[..<end])
        part = FormPart(name: disposition.name, filename: disposition.filename, content: [])
        // Again a line break stays, so that an empty content is followed by a whole delimiter.
        pending.removeFirst(end + 2)
        state = .content
        return true
    }

    private mutating func readContent() throws(FormError) -> Bool {
        // What stands first is the line break that ends the header fields; it may be the delimiter's own.
        let start = hasTakenContent ? 0 : 2
        if let end = find(delimiter) {
            if end > start { try take(pending[start..<end]) }
            pending.removeFirst(end + delimiter.count)
            parts.append(part)
            hasTakenContent = false
            state = .afterBoundary
            return true
        }
        let safe = pending.count - delimiter.count + 1
        guard safe > 2 else { return false }
        try take(pending[start..<safe])
        hasTakenContent = true
        pending.removeFirst(safe)
        return false
    }

    private mutating func take(_ bytes: ArraySlice<UInt8>) throws(FormError) {
        let limit = part.filename == nil ? limits.fieldBytes : limits.fileBytes
        guard part.content.count + bytes.count <= limit else {
            throw FormError(.tooLarge, "the part '\(part.name)' exceeds \(limit) bytes")
        }
        part.content.append(contentsOf: bytes)
    }

    private mutating func keepTail() {
        if pending.count >= delimiter.count { pending.removeFirst(pending.count - delimiter.count + 1) }
    }

    private func find(_ pattern: [UInt8]) -> Int? {
        pending.withUnsafeBufferPointer { bytes in
            var start = 0
            while start + pattern.count <= bytes.count {
                if bytes[start] == pattern[0], pattern.indices.allSatisfy({ bytes[start + $0] == pattern[$0] }) {
                    return start
                }
                start += 1
            }
            return nil
        }
    }
}
