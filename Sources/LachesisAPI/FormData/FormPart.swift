/// One field or file of a form.
package struct FormPart: Sendable, Equatable {
    /// The field's name.
    package var name: String
    /// As the client sent it; nil for a plain field.
    package var filename: String?
    package var content: [UInt8]

    package init(name: String, filename: String? = nil, content: [UInt8]) {
        (self.name, self.filename, self.content) = (name, filename, content)
    }
}

/// Why a form cannot be read.
package struct FormError: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Code: Sendable { case malformed, tooLarge }

    package let code: Code
    package let description: String

    init(_ code: Code, _ description: String) { (self.code, self.description) = (code, description) }
}

/// Bounds of a form.
package struct FormLimits: Sendable {
    /// Parts of all kinds.
    package var parts: Int
    /// Bytes of a plain field.
    package var fieldBytes: Int
    /// Bytes of a file.
    package var fileBytes: Int
    /// Bytes of one part's header fields. Default 8 KiB.
    package var headerBytes = 8 << 10

    package init(parts: Int, fieldBytes: Int, fileBytes: Int) {
        (self.parts, self.fieldBytes, self.fileBytes) = (parts, fieldBytes, fileBytes)
    }
}
