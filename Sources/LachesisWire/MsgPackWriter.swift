package import LachesisModel

/// Writes msgpack (https://github.com/msgpack/msgpack/blob/master/spec.md), each number and text in its shortest form.
package struct MsgPackWriter: Sendable {
    package private(set) var bytes: [UInt8] = []

    package init(capacity: Int = 0) { bytes.reserveCapacity(capacity) }

    package mutating func null() { bytes.append(0xc0) }

    /// What follows are so many elements.
    package mutating func array(_ count: Int) { header(count, short: 0x90, shortest: 16, long: [0xdc, 0xdd]) }

    /// What follows are so many pairs of a key and a value.
    package mutating func map(_ count: Int) { header(count, short: 0x80, shortest: 16, long: [0xde, 0xdf]) }

    package mutating func string(_ text: String) {
        let count = text.utf8.count
        if (32...255).contains(count) {
            bytes += [0xd9, UInt8(count)]
        } else {
            header(count, short: 0xa0, shortest: 32, long: [0xda, 0xdb])
        }
        bytes.append(contentsOf: text.utf8)
    }

    package mutating func integer(_ value: Int64) {
        switch value {
        case -32...127: bytes.append(UInt8(truncatingIfNeeded: value))
        case 0...Int64(UInt8.max): put(0xcc, UInt8(value))
        case 0...Int64(UInt16.max): put(0xcd, UInt16(value))
        case 0...Int64(UInt32.max): put(0xce, UInt32(value))
        case 0...: put(0xcf, UInt64(value))
        case Int64(Int8.min)...: put(0xd0, Int8(value))
        case Int64(Int16.min)...: put(0xd1, Int16(value))
        case Int64(Int32.min)...: put(0xd2, Int32(value))
        default: put(0xd3, value)
        }
    }

    package mutating func number(_ value: Double) { put(0xcb, value.bitPattern) }

    package mutating func value(_ value: Value) {
        switch value {
        case .null: null()
        case .integer(let integer): self.integer(integer)
        case .real(let real): number(real)
        case .text(let text): string(text)
        }
    }

    /// The bytes so far, which are then gone.
    package mutating func drain() -> [UInt8] {
        defer { bytes.removeAll(keepingCapacity: true) }
        return bytes
    }

    /// - Parameter long: first bytes of the forms with 16 and 32 bits of length.
    private mutating func header(_ count: Int, short: UInt8, shortest: Int, long: [UInt8]) {
        if count < shortest {
            bytes.append(short | UInt8(count))
        } else if let count = UInt16(exactly: count) {
            put(long[0], count)
        } else {
            put(long[1], UInt32(count))
        }
    }

    private mutating func put(_ form: UInt8, _ number: some FixedWidthInteger) {
        bytes.append(form)
        withUnsafeBytes(of: number.bigEndian) { bytes.append(contentsOf: $0) }
    }
}
