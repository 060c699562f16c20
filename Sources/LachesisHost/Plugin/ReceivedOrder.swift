internal import CSandbox
internal import Glibc
internal import LachesisWire

/// An order to a zygote, with the descriptors that came along.
struct ReceivedOrder {
    let order: ZygoteOrder
    /// The receiver's, who is to close them.
    let descriptors: [Int32]

    /// Waits for the next order.
    /// - Returns: nil if the other end has gone.
    /// - Throws: `HostError` `.system`, or `.protocolViolation` for what is no order, or has other descriptors than it needs.
    init?(from socket: Int32) throws(HostError) {
        var buffer = [UInt8](repeating: 0, count: ZygoteOrder.longest)
        var numbers: [Int32] = [-1, -1, -1, -1]
        var count = 0
        let length = lachesis_receive_descriptors(socket, &buffer, buffer.count, &numbers, &count)
        guard length > 0 else {
            if length == 0 || errno == ECONNRESET { return nil }
            throw .last("receiving an order")
        }
        descriptors = Array(numbers.prefix(count))
        do {
            order = try ZygoteOrder(decoding: Array(buffer[..<length]))
            guard count == order.descriptors else { throw WireError("\(count) descriptors with it") }
        } catch {
            throw HostError(.protocolViolation, "an order from the host: \(error)")
        }
    }
}
