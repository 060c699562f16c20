internal import CSandbox
internal import Glibc

/// An open file descriptor that is closed when its owner lets go of it.
struct Descriptor: ~Copyable {
    let number: Int32

    /// Takes over a descriptor that nobody else closes.
    init(owning number: Int32) { self.number = number }

    deinit { close(number) }

    /// Opens a folder, itself no symbolic link, as an anchor for calls relative to it.
    static func folder(_ path: String) throws(HostError) -> Descriptor {
        let number = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard number >= 0 else { throw .last("opening \(path)") }
        return Descriptor(owning: number)
    }
}

extension Optional where Wrapped == Descriptor {
    /// The descriptor's number, if it is open.
    var number: Int32? {
        switch self {
        case .some(let descriptor): descriptor.number
        case .none: nil
        }
    }
}

/// Both ends of a connection whose near end is non-blocking; all are closed on exec.
struct DescriptorPair: ~Copyable {
    let near: Descriptor
    let far: Descriptor

    /// Two connected SEQPACKET sockets.
    static func sockets() throws(HostError) -> DescriptorPair {
        var ends: [Int32] = [-1, -1]
        guard lachesis_socket_pair(&ends) == 0 else { throw .last("socketpair") }
        return DescriptorPair(near: Descriptor(owning: ends[0]), far: Descriptor(owning: ends[1]))
    }

    /// A pipe whose near end reads.
    static func pipe() throws(HostError) -> DescriptorPair {
        var ends: [Int32] = [-1, -1]
        guard lachesis_log_pipe(&ends) == 0 else { throw .last("pipe") }
        return DescriptorPair(near: Descriptor(owning: ends[0]), far: Descriptor(owning: ends[1]))
    }
}
