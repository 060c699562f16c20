internal import LachesisModel

/// How a table's sequences are divided: into chunks, of which each has a row a column in `lachesis_summaries`, and those into
/// blocks, of which that row has the extremes.
enum Chunk {
    /// Sequences of a block: the smallest part that extremes are kept of, so the most that is read where a range ends in one.
    static let blockRows: Int64 = 256
    static let blocks = 16
    /// Sequences of a chunk. A chunk is summarized when it is complete: at the end of a table fewer rows than this are read.
    static let rows = blockRows * Int64(blocks)

    /// Bytes of a block in the blob, and of what follows all blocks.
    private static let (blockBytes, restBytes) = (20, 4)

    /// Number of the chunk that a sequence from 1 is in; likewise of the block.
    static func number(of sequence: Int64) -> Int64 { (sequence - 1) / rows }
    static func block(of sequence: Int64) -> Int64 { (sequence - 1) / blockRows }

    /// The sequences of a block.
    static func range(ofBlock block: Int64) -> SequenceRange {
        SequenceRange(lower: block * blockRows, upper: (block + 1) * blockRows)
    }

    static func range(_ chunk: Int64) -> SequenceRange {
        SequenceRange(lower: chunk * rows, upper: (chunk + 1) * rows)
    }

    /// How many chunks are complete once there are rows up to a sequence.
    static func complete(_ sequence: Int64) -> Int64 { sequence / rows }

    // MARK: Blob

    /// A column's blocks as bytes, little-endian: least and greatest value (IEEE 754 binary64), their sequences less the block's
    /// first one (8 bits), count of numbers (16 bits). If a value is an integer that is no double, what the two integers are
    /// greater than their doubles (16 bits each) follows for every block.
    static func encode(_ blocks: [Extremes], chunk: Int64) -> [UInt8] {
        precondition(blocks.count == Self.blocks)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.blocks * blockBytes)
        for (index, block) in blocks.enumerated() {
            let first = chunk * rows + Int64(index) * blockRows + 1
            let isEmpty = block.count == 0
            append((isEmpty ? 0 : block.least.value).bitPattern, to: &bytes)
            append((isEmpty ? 0 : block.greatest.value).bitPattern, to: &bytes)
            append(isEmpty ? 0 : UInt8(truncatingIfNeeded: block.least.sequence - first), to: &bytes)
            append(isEmpty ? 0 : UInt8(truncatingIfNeeded: block.greatest.sequence - first), to: &bytes)
            append(UInt16(block.count), to: &bytes)
        }
        guard blocks.contains(where: { $0.least.rest != 0 || $0.greatest.rest != 0 }) else { return bytes }
        for block in blocks {
            append(block.least.rest, to: &bytes)
            append(block.greatest.rest, to: &bytes)
        }
        return bytes
    }

    /// - Returns: nil if the bytes are not of a chunk.
    static func decode(_ bytes: [UInt8], chunk: Int64) -> [Extremes]? {
        let hasRests = bytes.count == blocks * (blockBytes + restBytes)
        guard hasRests || bytes.count == blocks * blockBytes else { return nil }
        return (0..<blocks).map { index in
            let offset = index * blockBytes
            let first = chunk * rows + Int64(index) * blockRows + 1
            let rests = blocks * blockBytes + index * restBytes
            func place(_ value: Int, _ sequence: Int, _ rest: Int) -> Extremes.Place {
                let pattern = (0..<8).reduce(UInt64(0)) { $0 | UInt64(bytes[offset + value + $1]) << (8 * $1) }
                let rest =
                    hasRests
                    ? Int16(truncatingIfNeeded: Int(bytes[rests + rest]) | Int(bytes[rests + rest + 1]) << 8) : 0
                return Extremes.Place(
                    value: Double(bitPattern: pattern), rest: rest, sequence: first + Int64(bytes[offset + sequence]))
            }
            let count = Int(bytes[offset + 18]) | Int(bytes[offset + 19]) << 8
            return count == 0 ? Extremes() : Extremes(count: count, least: place(0, 16, 0), greatest: place(8, 17, 2))
        }
    }

    private static func append(_ number: some FixedWidthInteger, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
    }
}
