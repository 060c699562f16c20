/// A metadata document in the form of battery-data-toolkit 0.4.6, checked against its schema.
package struct MetadataDocument: Sendable {
    /// The battery's name as the document gives it; nil if it is missing or null. Its own rules are `BatteryName`'s.
    package let name: String?
    /// The document as it was sent: valid JSON, an object.
    package let json: String

    /// Reads and checks a document.
    ///
    /// Accepted is what the toolkit's own `BatteryMetadata.model_validate_json` accepts, conversions included (`"12"` for
    /// an integer, `"yes"` for a boolean). Fields that the schema does not know may hold anything. One exception: the
    /// literals `NaN` and `Infinity`, which Python writes but JSON does not have, are refused, because the document is
    /// kept as it is.
    ///
    /// - Parameter bytes: JSON in UTF-8, without a byte order mark, nested at most `JSONReader.depthLimit` deep.
    /// - Throws: `MetadataError` that lists every fault of the document, or the one place where it stops being JSON.
    package static func parse(_ bytes: [UInt8]) throws(MetadataError) -> MetadataDocument {
        var validator = MetadataValidator()
        let tree: JSONTree
        do {
            tree = try JSONReader.tree(of: bytes)
        } catch {
            validator.report(.notJSON(error))
            throw MetadataError(json: validator.report())
        }
        validator.check(tree, against: .batteryMetadata)
        guard validator.faultCount == 0 else { throw MetadataError(json: validator.report()) }
        var name: String?
        if case .string(let text)? = tree["name"] { name = text }
        return MetadataDocument(name: name, json: String(decoding: bytes, as: UTF8.self))
    }
}

/// Why a document was refused.
package struct MetadataError: Error {
    /// A JSON array with one object a fault: `loc`, the keys and indices that lead to it, first `"body"`; `msg`, a
    /// sentence for a person; `type`, pydantic's word for the kind of fault.
    package let json: [UInt8]
}
