internal import LachesisModel

/// A message whose bytes do not say what its kind promises.
package struct WireError: Error, Equatable, Sendable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}

/// Reads little-endian values from bytes that nobody vouches for: every length is checked before it is used.
package struct ByteReader: ~Escapable {
    private let bytes: RawSpan
    private var offset = 0

    @_lifetime(copy bytes)
    package init(_ bytes: RawSpan) { self.bytes = bytes }

    package var remaining: Int { bytes.byteCount - offset }

    package mutating func take<Number: FixedWidthInteger & BitwiseCopyable>(
        _ type: Number.Type
    ) throws(WireError) -> Number {
        try need(MemoryLayout<Number>.size)
        defer { offset += MemoryLayout<Number>.size }
        return Number(littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: Number.self))
    }

    package mutating func takeBytes(_ count: Int) throws(WireError) -> [UInt8] {
        try need(count)
        defer { offset += count }
        return bytes.extracting(offset..<(offset + count)).withUnsafeBytes { Array($0) }
    }

    /// `count` doubles, IEEE 754 binary64.
    package mutating func takeDoubles(_ count: Int) throws(WireError) -> [Double] {
        guard count >= 0, count <= remaining / 8 else {
            throw WireError("\(count) doubles announced, \(remaining) bytes left")
        }
        let start = offset
        offset += count * 8
        return [Double](unsafeUninitializedCapacity: count) { target, initialized in
            bytes.extracting(start..<(start + count * 8)).withUnsafeBytes { source in
                UnsafeMutableRawBufferPointer(target).copyMemory(from: source)
            }
            initialized = count
        }
    }

    package mutating func takeText(_ count: Int) throws(WireError) -> String {
        guard let text = String(checking: try takeBytes(count)) else {
            throw WireError("text that is not UTF-8")
        }
        return text
    }

    package mutating func skip(_ count: Int) throws(WireError) {
        try need(count)
        offset += count
    }

    /// - Throws: `WireError` if bytes are left over.
    package func end() throws(WireError) {
        guard remaining == 0 else { throw WireError("\(remaining) bytes too many") }
    }

    private func need(_ count: Int) throws(WireError) {
        guard count >= 0, count <= remaining else { throw WireError("\(count) bytes expected, \(remaining) left") }
    }
}

/// Appends little-endian values.
package struct ByteWriter {
    package private(set) var bytes: [UInt8] = []

    package init(capacity: Int = 0) { bytes.reserveCapacity(capacity) }

    package mutating func put(_ number: some FixedWidthInteger) {
        withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
    }

    package mutating func put(_ more: some Collection<UInt8>) { bytes.append(contentsOf: more) }

    package mutating func put(_ numbers: [Double]) {
        numbers.withUnsafeBytes { bytes.append(contentsOf: $0) }
    }
}
