/// Appends JSON text to bytes; numbers parse back to the same doubles, and what JSON cannot express (NaN, infinities) is null.
package struct JSONWriter: Sendable {
    package private(set) var bytes: [UInt8] = []
    /// Whether the next key or element needs a comma before it.
    private var needsComma = false

    package init(capacity: Int = 0) { bytes.reserveCapacity(capacity) }

    package mutating func beginObject() { open("{") }
    package mutating func endObject() { close("}") }
    package mutating func beginArray() { open("[") }
    package mutating func endArray() { close("]") }

    package mutating func key(_ key: String) {
        string(key)
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    package mutating func null() { raw("null".utf8) }
    package mutating func bool(_ value: Bool) { raw(value ? "true".utf8 : "false".utf8) }
    package mutating func integer(_ value: some BinaryInteger) { raw(String(value).utf8) }

    /// The shortest digits that parse back to the same double.
    package mutating func number(_ value: Double?) {
        guard let value, value.isFinite else { return null() }
        raw(value.description.utf8)
    }

    package mutating func string(_ text: String?) {
        guard let text else { return null() }
        separate()
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes.append(contentsOf: [UInt8(ascii: "\\"), byte])
            case UInt8(ascii: "\n"): bytes.append(contentsOf: "\\n".utf8)
            case 0..<32, 127:
                let digits = Array("0123456789abcdef".utf8)
                bytes.append(contentsOf: "\\u00".utf8)
                bytes.append(contentsOf: [digits[Int(byte >> 4)], digits[Int(byte & 15)]])
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    package mutating func value(_ value: Value) {
        switch value {
        case .null: null()
        case .integer(let integer): self.integer(integer)
        case .real(let real): number(real)
        case .text(let text): string(text)
        }
    }

    package mutating func numbers(_ values: some Sequence<Double>) {
        beginArray()
        for value in values { number(value) }
        endArray()
    }

    package mutating func strings(_ values: some Sequence<String>) {
        beginArray()
        for value in values { string(value) }
        endArray()
    }

    /// Row-major `[rows, columns]` as an array of rows.
    package mutating func matrix(_ values: [Double], columns: Int) {
        beginArray()
        for start in stride(from: 0, to: values.count, by: max(columns, 1)) {
            numbers(values[start..<(start + columns)])
        }
        endArray()
    }

    /// One value that is JSON already.
    package mutating func raw(_ json: some Sequence<UInt8>) {
        separate()
        bytes.append(contentsOf: json)
    }

    /// The members of an object that is JSON already, into the one that is open.
    package mutating func members(of object: [UInt8]) {
        guard object.count > 2 else { return }
        raw(object.dropFirst().dropLast())
    }

    /// The bytes so far, which are then gone: for writing long documents piece by piece.
    package mutating func drain() -> [UInt8] {
        defer { bytes.removeAll(keepingCapacity: true) }
        return bytes
    }

    private mutating func separate() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        needsComma = true
    }

    private mutating func open(_ bracket: Unicode.Scalar) {
        separate()
        bytes.append(UInt8(ascii: bracket))
        needsComma = false
    }

    private mutating func close(_ bracket: Unicode.Scalar) {
        bytes.append(UInt8(ascii: bracket))
        needsComma = true
    }
}
