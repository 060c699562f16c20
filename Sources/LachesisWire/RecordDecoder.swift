internal import CMsgPack
internal import Glibc
package import LachesisModel

/// Decodes records: each message one msgpack map of scalars with string keys (https://github.com/msgpack/msgpack/blob/master/spec.md).
///
/// Text may come as str or bin, both UTF-8; NaN, infinities and nil become null; booleans become 0 and 1. A decoder serves one
/// upload: it remembers how the last record looked, so that alike records cost no lookup of their keys.
package final class RecordDecoder {
    private let limits: Limits
    private let zone: UnsafeMutablePointer<msgpack_zone>
    private var layout = RecordLayout(keys: [])
    private var layouts = LayoutCache()
    /// The layout's keys as they stand in a message.
    private var keyBytes: [[UInt8]] = []
    private var values: [Value] = []

    package init(limits: Limits) {
        self.limits = limits
        guard let zone = msgpack_zone_new(8 << 10) else { preconditionFailure("out of memory") }
        self.zone = zone
    }

    deinit { msgpack_zone_free(zone) }

    /// Decodes one message and appends its record.
    /// - Parameter received: when it came. Unix seconds.
    /// - Throws: `RecordRefusal` that names the key at fault; the batch is then as it was.
    package func decode(
        _ message: UnsafeRawBufferPointer, received: Double, into batch: inout RecordBatch
    ) throws(RecordRefusal) {
        try checkSize(message.count)
        var offset = 0
        try decode(message, from: &offset, received: received, into: &batch) { offset throws(RecordRefusal) in
            guard offset == message.count else {
                throw RecordRefusal(.malformed, "\(message.count - offset) bytes follow the msgpack map")
            }
        }
    }

    /// Decodes a msgpack array of such maps and appends their records.
    /// - Throws: `RefusedRecord`; the batch then has the records before it.
    package func decode(
        list bytes: UnsafeRawBufferPointer, received: Double, into batch: inout RecordBatch
    ) throws(RefusedRecord) {
        var (offset, number): (Int, Int?) = (0, nil)
        do throws(RecordRefusal) {
            let count = try Self.arrayHeader(bytes, &offset)
            // An empty map takes a byte.
            guard count <= bytes.count - offset else { throw RecordRefusal(.malformed, "the msgpack ends too early") }
            guard count <= limits.uploadRecords else { throw RecordRefusal.tooMany(limits) }
            for record in 0..<count {
                number = record + 1
                let start = offset
                try decode(bytes, from: &offset, received: received, into: &batch) { offset throws(RecordRefusal) in
                    try checkSize(offset - start)
                }
            }
            number = nil
            guard offset == bytes.count else {
                throw RecordRefusal(.malformed, "\(bytes.count - offset) bytes follow the msgpack array")
            }
        } catch {
            throw RefusedRecord(number: number, refusal: error)
        }
    }

    /// How many elements an array has that begins at the offset.
    private static func arrayHeader(_ bytes: UnsafeRawBufferPointer, _ offset: inout Int) throws(RecordRefusal) -> Int {
        let width =
            switch bytes.first ?? 0 {
            case 0x90...0x9f: 0
            case 0xdc: 2
            case 0xdd: 4
            default: throw RecordRefusal(.malformed, "a msgpack array of maps is expected")
            }
        guard bytes.count > width else { throw RecordRefusal(.malformed, "the msgpack ends too early") }
        offset = 1 + width
        return width == 0 ? Int(bytes[0] & 15) : bytes[1...width].reduce(0) { $0 << 8 | Int($1) }
    }

    private func checkSize(_ count: Int) throws(RecordRefusal) {
        guard count <= limits.recordBytes else {
            throw RecordRefusal(
                .inadmissible, "the record has \(count) bytes; at most \(limits.recordBytes) are allowed")
        }
    }

    /// Decodes the map that begins at the offset, which is moved behind it.
    /// - Parameter check: called with the offset once it is moved.
    private func decode(
        _ message: UnsafeRawBufferPointer, from offset: inout Int, received: Double, into batch: inout RecordBatch,
        check: (_ offset: Int) throws(RecordRefusal) -> Void
    ) throws(RecordRefusal) {
        defer { msgpack_zone_clear(zone) }
        var object = msgpack_object()
        let bytes = message.assumingMemoryBound(to: CChar.self)
        switch msgpack_unpack(bytes.baseAddress, bytes.count, &offset, zone, &object) {
        case MSGPACK_UNPACK_SUCCESS, MSGPACK_UNPACK_EXTRA_BYTES: break
        case MSGPACK_UNPACK_CONTINUE: throw RecordRefusal(.malformed, "the msgpack ends too early")
        default: throw RecordRefusal(.malformed, "not msgpack")
        }
        try check(offset)
        guard object.type == MSGPACK_OBJECT_MAP else {
            throw RecordRefusal(.malformed, "a msgpack map is expected, not \(name(of: object.type))")
        }
        let entries = UnsafeBufferPointer(start: object.via.map.ptr, count: Int(object.via.map.size))
        if !matchesLayout(entries) { try adoptLayout(of: entries) }
        values.removeAll(keepingCapacity: true)
        for (position, entry) in entries.enumerated() {
            values.append(try value(entry.val, at: position))
        }
        batch.append(values, layout: layout, received: received)
    }

    private func matchesLayout(_ entries: UnsafeBufferPointer<msgpack_object_kv>) -> Bool {
        guard entries.count == keyBytes.count else { return false }
        for (position, entry) in entries.enumerated() {
            guard entry.key.type == MSGPACK_OBJECT_STR else { return false }
            let expected = keyBytes[position]
            let key = entry.key.via.str
            guard Int(key.size) == expected.count, memcmp(key.ptr, expected, expected.count) == 0 else { return false }
        }
        return true
    }

    private func adoptLayout(of entries: UnsafeBufferPointer<msgpack_object_kv>) throws(RecordRefusal) {
        var keys: [String] = []
        for entry in entries { keys.append(try key(entry.key)) }
        layout = try layouts.layout(of: keys, limits)
        keyBytes = keys.map { Array($0.utf8) }
    }

    private func key(_ object: msgpack_object) throws(RecordRefusal) -> String {
        guard object.type == MSGPACK_OBJECT_STR else {
            throw RecordRefusal(.malformed, "keys must be strings, not \(name(of: object.type))")
        }
        guard let key = text(object.via.str.ptr, object.via.str.size) else {
            throw RecordRefusal(.malformed, "a key is not UTF-8")
        }
        return key
    }

    private func value(_ object: msgpack_object, at position: Int) throws(RecordRefusal) -> Value {
        switch object.type {
        case MSGPACK_OBJECT_FLOAT64, MSGPACK_OBJECT_FLOAT32:
            return object.via.f64.isFinite ? .real(object.via.f64) : .null
        case MSGPACK_OBJECT_POSITIVE_INTEGER:
            guard let integer = Int64(exactly: object.via.u64) else {
                throw RecordRefusal(
                    .inadmissible, key: layout.keys[position], "\(object.via.u64) exceeds 64 bits with sign")
            }
            return .integer(integer)
        case MSGPACK_OBJECT_NEGATIVE_INTEGER: return .integer(object.via.i64)
        case MSGPACK_OBJECT_BOOLEAN: return .integer(object.via.boolean ? 1 : 0)
        case MSGPACK_OBJECT_NIL: return .null
        case MSGPACK_OBJECT_STR, MSGPACK_OBJECT_BIN:
            let isText = object.type == MSGPACK_OBJECT_STR
            let pointer = isText ? object.via.str.ptr : object.via.bin.ptr
            guard let text = text(pointer, isText ? object.via.str.size : object.via.bin.size) else {
                throw RecordRefusal(.malformed, key: layout.keys[position], "the text is not UTF-8")
            }
            return .text(text)
        default:
            throw RecordRefusal(
                .inadmissible, key: layout.keys[position],
                "the value must be a number, text, boolean or nil, not \(name(of: object.type))")
        }
    }

    private func text(_ pointer: UnsafePointer<CChar>?, _ count: UInt32) -> String? {
        let bytes = UnsafeRawBufferPointer(start: pointer, count: Int(count))
        return String(checking: bytes)
    }

    private func name(of type: msgpack_object_type) -> String {
        switch type {
        case MSGPACK_OBJECT_NIL: "nil"
        case MSGPACK_OBJECT_BOOLEAN: "a boolean"
        case MSGPACK_OBJECT_POSITIVE_INTEGER, MSGPACK_OBJECT_NEGATIVE_INTEGER: "an integer"
        case MSGPACK_OBJECT_FLOAT32, MSGPACK_OBJECT_FLOAT64: "a float"
        case MSGPACK_OBJECT_STR: "a string"
        case MSGPACK_OBJECT_BIN: "bytes"
        case MSGPACK_OBJECT_ARRAY: "an array"
        case MSGPACK_OBJECT_MAP: "a map"
        default: "an extension"
        }
    }
}
