internal import AsyncAlgorithms
internal import Foundation
internal import LachesisModel
internal import LachesisSocket
internal import LachesisStore
internal import LachesisWire
internal import Logging
internal import NIOCore

/// One upload of records: `WS /db/upload/{name}`.
///
/// What has gathered while the last burst was being written is the next burst: so the size of transactions follows the speed of
/// the sender. One burst waits at the socket, one is being decoded and one written, each bounded by the socket's high-water mark:
/// so is the memory of an upload, and a sender that is too fast is slowed by TCP.
struct UploadSocket: Sendable {
    /// With it the client is told how many of its records are on disk, `{"stored": n}` as msgpack, as `AcknowledgementRhythm` has it.
    static let acknowledging = "lachesis.ack.v1"

    let battery: BatteryName
    /// Lets a client resume after a cut: the records of all its connections with this identifier count as one stream.
    let stream: String?
    let store: Store
    let uploads: OpenUploads
    let gatekeeper: Gatekeeper
    let caller: Caller
    let limits: Limits
    let logger: Logger

    func run(_ connection: SocketConnection) async {
        guard let ticket = uploads.enter(battery, connection, stream: stream, caller) else {
            return connection.close(SocketClose(code: 1008, reason: "the battery '\(battery)' is being deleted"))
        }
        defer { uploads.leave(battery, ticket) }
        // It may have been revoked after the gate and before the uploads of that token were closed.
        guard gatekeeper.stillKnows(caller) else { return connection.close(OpenUploads.revoked) }
        uploads.closeBefore(ticket, of: battery)
        do {
            try await receive(connection)
        } catch let error as StoreError {
            // That a client has come again on another connection is nobody's trouble.
            let level: Logger.Level = error.code == .streamMoved ? .info : .error
            logger.log(level: level, "upload refused", metadata: ["battery": "\(battery)", "error": "\(error)"])
            connection.close(Self.close(for: error))
        } catch {
            // The peer is gone; what came before is stored.
            logger.debug("upload ended", metadata: ["battery": "\(battery)", "error": "\(error)"])
        }
    }

    /// What one burst gave: records, and why the one behind them cannot be one.
    private struct Decoded: Sendable {
        var batch: RecordBatch
        var refusal: RecordRefusal?
    }

    /// Decodes the next burst while the last one is being written.
    private func receive(_ connection: SocketConnection) async throws {
        let decoded = AsyncChannel<Decoded>()
        let rhythm = AcknowledgementRhythm()
        try await withThrowingTaskGroup { group in
            group.addTask {
                defer { decoded.finish() }
                let decoder = RecordDecoder(limits: limits)
                for await burst in connection.bursts {
                    let next = await decode(burst, decoder)
                    rhythm.decoded()
                    await decoded.send(next)
                    if next.refusal != nil { return }
                }
            }
            group.addTask { try await write(decoded, connection, rhythm) }
            // Not `waitForAll`, which after an error would wait for the other task too, and that waits for the client.
            while try await group.next() != nil {}
        }
    }

    /// Writes what is decoded, acknowledges it, and chooses how the connection is closed.
    private func write(
        _ decoded: AsyncChannel<Decoded>, _ connection: SocketConnection, _ rhythm: AcknowledgementRhythm
    ) async throws {
        // Whoever hands over a batch must not wait for one who has gone.
        defer { decoded.finish() }
        let acknowledges = connection.subprotocol == Self.acknowledging
        var messages = 0
        var stored: Int64 = 0
        if let stream { stored = try await store.streamTotal(stream, of: battery) }
        if acknowledges { try await connection.send(binary: Self.acknowledgement(stored)) }
        for await next in decoded {
            // What is decoded of an upload that was closed is not stored: whoever goes on with its stream may have been told its count.
            if case .abandoned = connection.end { return }
            let outcome = try await store.append(next.batch, to: battery, stream: stream, after: stored)
            messages += outcome.stored
            stored = outcome.streamTotal ?? (stored + Int64(outcome.stored))
            let refusal = outcome.refusal ?? next.refusal
            let isDue = rhythm.stored(outcome.stored, isLast: refusal != nil)
            if acknowledges, isDue { try await connection.send(binary: Self.acknowledgement(stored)) }
            if let refusal {
                connection.close(Self.close(for: refusal, message: messages + 1))
                return
            }
        }
        if case .refused(let violation) = connection.end {
            connection.close(close(for: violation, message: messages + 1))
        }
    }

    /// The records of a burst up to the first that cannot be one. A large burst leaves the event loop to others meanwhile.
    private func decode(_ burst: [SocketMessage], _ decoder: RecordDecoder) async -> Decoded {
        let received = Date().timeIntervalSince1970
        guard Self.isLarge(burst) else { return decode(burst, decoder, received) }
        return await withTaskExecutorPreference(globalConcurrentExecutor) { decode(burst, decoder, received) }
    }

    /// Whether decoding it may take more than some tenths of a millisecond.
    private static func isLarge(_ burst: [SocketMessage]) -> Bool {
        burst.count > 64 || burst.reduce(0) { $0 + $1.payload.readableBytes } > 8_192
    }

    private func decode(_ burst: [SocketMessage], _ decoder: RecordDecoder, _ received: Double) -> Decoded {
        var batch = RecordBatch()
        do throws(RecordRefusal) {
            for message in burst {
                guard case .binary(let buffer) = message else {
                    throw RecordRefusal(.unsupported, "text; a record is a binary message of msgpack")
                }
                try decode(buffer, decoder, received, into: &batch)
            }
            return Decoded(batch: batch)
        } catch {
            return Decoded(batch: batch, refusal: error)
        }
    }

    private func decode(
        _ buffer: ByteBuffer, _ decoder: RecordDecoder, _ received: Double, into batch: inout RecordBatch
    ) throws(RecordRefusal) {
        let result = buffer.withUnsafeReadableBytes { bytes -> RecordRefusal? in
            do throws(RecordRefusal) {
                try decoder.decode(bytes, received: received, into: &batch)
                return nil
            } catch {
                return error
            }
        }
        if let result { throw result }
    }

    private static func close(for refusal: RecordRefusal, message: Int) -> SocketClose {
        let code: UInt16 =
            switch refusal.kind {
            case .unsupported: 1003
            case .malformed: 1007
            case .inadmissible, .tooMany: 1008
            }
        return SocketClose(code: code, reason: "message \(message): \(refusal)")
    }

    /// A message too large for the socket is one record too large among others; the rest is the socket's own affair.
    private func close(for violation: SocketClose, message: Int) -> SocketClose {
        guard violation.code == 1009 else {
            return SocketClose(code: violation.code, reason: "message \(message): \(violation.reason)")
        }
        return SocketClose(
            code: 1008,
            reason: "message \(message): the record has more than the \(limits.recordBytes) bytes that are allowed")
    }

    private static func close(for error: StoreError) -> SocketClose {
        switch error.code {
        case .full: SocketClose(code: 1013, reason: error.message)
        case .nameClash: SocketClose(code: 1008, reason: error.message)
        case .streamMoved: OpenUploads.moved
        default: SocketClose(code: 1011, reason: error.message)
        }
    }

    /// `{"stored": n}` as msgpack.
    private static func acknowledgement(_ stored: Int64) -> ByteBuffer {
        var buffer = ByteBuffer(bytes: [0x81, 0xa6])
        buffer.writeString("stored")
        buffer.writeInteger(UInt8(0xcf))
        buffer.writeInteger(UInt64(stored))
        return buffer
    }
}
