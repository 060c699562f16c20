/// Decodes a JSON list of records, each an object of scalars, by the rules that hold for msgpack: booleans become 0 and 1, numbers
/// beyond the doubles become null.
package struct JSONRecordDecoder {
    private let limits: Limits
    private var layout = RecordLayout(keys: [])
    private var layouts = LayoutCache()

    package init(limits: Limits) { self.limits = limits }

    /// Decodes a text and appends its records.
    /// - Parameter received: when it came. Unix seconds.
    /// - Throws: `RefusedRecord`; the batch then has the records before it.
    package mutating func decode(
        _ bytes: [UInt8], received: Double, into batch: inout RecordBatch
    ) throws(RefusedRecord) {
        var number: Int?
        do throws(RecordRefusal) {
            var reader = try Self.readable { () throws(JSONSyntaxError) in try JSONReader(list: bytes) }
            number = 1
            while let (tree, size) = try Self.readable({ () throws(JSONSyntaxError) in
                try reader.nextElement(isFirst: number == 1)
            }) {
                guard size <= limits.recordBytes else {
                    throw RecordRefusal(
                        .inadmissible, "the record has \(size) bytes; at most \(limits.recordBytes) are allowed")
                }
                guard batch.count < limits.uploadRecords else {
                    number = nil
                    throw RecordRefusal.tooMany(limits)
                }
                try append(tree, received: received, to: &batch)
                number = (number ?? 0) + 1
            }
        } catch {
            throw RefusedRecord(number: number, refusal: error)
        }
    }

    private mutating func append(
        _ tree: JSONTree, received: Double, to batch: inout RecordBatch
    ) throws(RecordRefusal) {
        guard case .object(let members) = tree else {
            throw RecordRefusal(.malformed, "a JSON object is expected, not \(tree.kind)")
        }
        if !members.lazy.map(\.key).elementsEqual(layout.keys) {
            layout = try layouts.layout(of: members.map(\.key), limits)
        }
        var values: [Value] = []
        values.reserveCapacity(members.count)
        for (key, member) in members { values.append(try value(member, key)) }
        batch.append(values, layout: layout, received: received)
    }

    private func value(_ tree: JSONTree, _ key: String) throws(RecordRefusal) -> Value {
        switch tree {
        case .null: return .null
        case .bool(let bool): return .integer(bool ? 1 : 0)
        case .integer(let integer): return .integer(integer)
        case .hugeInteger: throw RecordRefusal(.inadmissible, key: key, "the integer exceeds 64 bits with sign")
        case .real(let real): return real.isFinite ? .real(real) : .null
        case .string(let text): return .text(text)
        case .array, .object:
            throw RecordRefusal(
                .inadmissible, key: key, "the value must be a number, text, boolean or null, not \(tree.kind)")
        }
    }

    private static func readable<Output>(
        _ read: () throws(JSONSyntaxError) -> Output
    ) throws(RecordRefusal) -> Output {
        do { return try read() } catch {
            throw RecordRefusal(
                .malformed, "not JSON: \(error.reason) at line \(error.line), column \(error.column)")
        }
    }
}

extension JSONTree {
    /// In words.
    fileprivate var kind: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .integer, .hugeInteger, .real: "a number"
        case .string: "text"
        case .array: "a list"
        case .object: "an object"
        }
    }
}
