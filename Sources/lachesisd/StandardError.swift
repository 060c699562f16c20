import Glibc
import Synchronization

/// Where the log is written.
enum StandardError {
    private static let turn = Mutex(())

    /// Writes an entry whole, even to a pipe that takes it in pieces: entries of two threads do not mix.
    ///
    /// Nobody is there to be told if standard error itself fails: FileHandle would end the server on a full disk.
    static func write(_ entry: [UInt8]) {
        turn.withLock { _ in
            entry.withUnsafeBytes { bytes in
                var rest = bytes[...]
                while !rest.isEmpty {
                    let count = Glibc.write(2, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
                    if count < 0, errno == EINTR { continue }
                    guard count > 0 else { return }
                    rest = rest.dropFirst(count)
                }
            }
        }
    }
}
