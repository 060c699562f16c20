/// Walks a document along its schema and writes down every fault.
///
/// Faults are written at once as JSON: a document of 256 KiB can hold a hundred thousand.
struct MetadataValidator {
    private enum Step {
        case key(String)
        case index(Int)
    }

    private(set) var faultCount = 0
    private var path: [Step] = [.key("body")]
    private var json = JSONWriter()

    init() { json.beginArray() }

    /// The faults so far as a JSON array, which `MetadataError` describes.
    func report() -> [UInt8] {
        var json = json
        json.endArray()
        return json.bytes
    }

    /// Writes down a fault of the value where the walk stands.
    mutating func report(_ fault: MetadataFault) {
        faultCount += 1
        json.beginObject()
        json.key("loc")
        json.beginArray()
        for step in path {
            switch step {
            case .key(let key): json.string(key)
            case .index(let index): json.integer(index)
            }
        }
        json.endArray()
        json.key("msg")
        json.string(fault.message)
        json.key("type")
        json.string(fault.type)
        json.endObject()
    }

    mutating func check(_ tree: JSONTree, against kind: MetadataKind) {
        switch kind {
        case .scalar(let kind):
            do { try kind.check(tree) } catch { report(error) }
        case .list(let kind):
            guard case .array(let elements) = tree else { return report(.notList) }
            for (index, element) in elements.enumerated() {
                within(.index(index)) { $0.check(element, against: kind) }
            }
        case .tuple(let kinds):
            guard case .array(let elements) = tree else { return report(.notTuple) }
            check(elements, against: kinds)
        case .object(let fields):
            guard case .object = tree else { return report(.notObject) }
            for field in fields {
                within(.key(field.name)) { $0.check(tree[field.name], against: field) }
            }
        }
    }

    private mutating func check(_ elements: [JSONTree], against kinds: [MetadataKind]) {
        guard elements.count <= kinds.count else {
            return report(.tooLong(limit: kinds.count, count: elements.count))
        }
        for (index, kind) in kinds.enumerated() {
            within(.index(index)) { validator in
                guard index < elements.count else { return validator.report(.missing) }
                validator.check(elements[index], against: kind)
            }
        }
    }

    private mutating func check(_ value: JSONTree?, against field: MetadataField) {
        switch value {
        case nil where field.isRequired: report(.missing)
        case nil: return
        case .null? where field.allowsNull: return
        case let value?: check(value, against: field.kind)
        }
    }

    private mutating func within(_ step: Step, _ body: (inout MetadataValidator) -> Void) {
        path.append(step)
        body(&self)
        path.removeLast()
    }
}
