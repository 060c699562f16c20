internal import LachesisModel
internal import LachesisWire

/// What the kernel is to keep one worker to.
struct WorkerSpace: Equatable {
    /// Bytes beyond what the zygote's own address space takes.
    var memoryBytes: UInt64
    var folderBytes: UInt64
    var threads: UInt64

    init(_ limits: WorkerLimits) {
        memoryBytes = UInt64(limits.memoryBytes)
        folderBytes = UInt64(limits.folderBytes)
        threads = UInt64(limits.threads)
    }

    fileprivate init(_ reader: inout ByteReader) throws(WireError) {
        memoryBytes = try reader.take(UInt64.self)
        folderBytes = try reader.take(UInt64.self)
        threads = try reader.take(UInt64.self)
    }

    fileprivate func write(to writer: inout ByteWriter) {
        for number in [memoryBytes, folderBytes, threads] { writer.put(number) }
    }
}

/// From host to zygote. Form: `u32` length of what follows, `u8` kind, then the values; one packet each.
enum ZygoteOrder: Equatable {
    /// Comes with two descriptors: the worker's connection, its output.
    case fork(Epoch, WorkerSpace, folder: String)
    case kill(Epoch)

    /// How many descriptors come with it.
    var descriptors: Int { if case .fork = self { 2 } else { 0 } }

    /// Bytes of the longest order or answer.
    static let longest = 64 << 10

    var encoded: [UInt8] {
        switch self {
        case .fork(let epoch, let space, let folder):
            frame(1, epoch) { writer in
                space.write(to: &writer)
                writer.put(folder.utf8)
            }
        case .kill(let epoch): frame(2, epoch) { _ in }
        }
    }

    init(decoding bytes: [UInt8]) throws(WireError) {
        var reader = ByteReader(bytes.span.bytes)
        switch try kind(&reader) {
        case 1:
            let epoch = try reader.take(Epoch.self)
            self = .fork(epoch, try WorkerSpace(&reader), folder: try reader.takeText(reader.remaining))
        case 2: self = .kill(try reader.take(Epoch.self))
        case let other: throw WireError("unknown order \(other)")
        }
        try reader.end()
    }
}

/// From zygote to host, in the same form.
enum ZygoteAnswer: Equatable {
    case ready
    /// It cannot run, and ends.
    case failed(String)
    case forked(Epoch, pid: Int32)
    case notForked(Epoch, String)
    /// Exit status, or minus the number of the signal.
    case exited(Epoch, status: Int32)

    var encoded: [UInt8] {
        switch self {
        case .ready: frame(65, 0) { _ in }
        case .failed(let text): frame(66, 0) { $0.put(shortened(text)) }
        case .forked(let epoch, let pid): frame(67, epoch) { $0.put(pid) }
        case .notForked(let epoch, let text): frame(68, epoch) { $0.put(shortened(text)) }
        case .exited(let epoch, let status): frame(69, epoch) { $0.put(status) }
        }
    }

    init(decoding bytes: [UInt8]) throws(WireError) {
        var reader = ByteReader(bytes.span.bytes)
        let kind = try kind(&reader)
        let epoch = try reader.take(Epoch.self)
        switch kind {
        case 65: self = .ready
        case 66: self = .failed(String(decoding: try reader.takeBytes(reader.remaining), as: UTF8.self))
        case 67: self = .forked(epoch, pid: try reader.take(Int32.self))
        case 68: self = .notForked(epoch, String(decoding: try reader.takeBytes(reader.remaining), as: UTF8.self))
        case 69: self = .exited(epoch, status: try reader.take(Int32.self))
        default: throw WireError("unknown answer \(kind)")
        }
        try reader.end()
    }
}

private func frame(_ kind: UInt8, _ epoch: Epoch, _ body: (inout ByteWriter) -> Void) -> [UInt8] {
    var content = ByteWriter()
    content.put(kind)
    content.put(epoch)
    body(&content)
    var writer = ByteWriter(capacity: 4 + content.bytes.count)
    writer.put(UInt32(content.bytes.count))
    writer.put(content.bytes)
    return writer.bytes
}

private func kind(_ reader: inout ByteReader) throws(WireError) -> UInt8 {
    let length = Int(try reader.take(UInt32.self))
    guard length == reader.remaining else { throw WireError("\(length) bytes announced, \(reader.remaining) there") }
    return try reader.take(UInt8.self)
}

private func shortened(_ text: String) -> ArraySlice<UInt8> { Array(text.utf8).prefix(32 << 10) }
