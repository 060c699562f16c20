/// The end of what a process wrote to its standard output and error.
struct OutputTail {
    static let defaultCapacity = 16 << 10

    private let capacity: Int
    private var bytes: [UInt8] = []
    /// Where the next byte goes, once the tail is full.
    private var position = 0
    /// Bytes that were written and are not kept any more.
    private(set) var droppedCount = 0

    /// - Parameter capacity: bytes that are kept. Default 16 KiB.
    init(capacity: Int = OutputTail.defaultCapacity) {
        precondition(capacity > 0)
        self.capacity = capacity
    }

    mutating func append(_ more: some RandomAccessCollection<UInt8>) {
        let kept = more.suffix(capacity)
        droppedCount += more.count - kept.count
        for byte in kept {
            if bytes.count < capacity {
                bytes.append(byte)
            } else {
                bytes[position] = byte
                position = (position + 1) % capacity
                droppedCount += 1
            }
        }
    }

    /// As text: what is not UTF-8 becomes U+FFFD, and a line of its own says how much is missing before.
    var text: String {
        var whole = Array(bytes[position...] + bytes[..<position])
        guard droppedCount > 0 else { return String(decoding: whole, as: UTF8.self) }
        // Not in the middle of a character.
        let start = whole.prefix(4).firstIndex { $0 & 0b1100_0000 != 0b1000_0000 } ?? 0
        whole.removeFirst(start)
        return "[\(droppedCount + start) bytes before this are not kept]\n" + String(decoding: whole, as: UTF8.self)
    }
}
