internal import Foundation
internal import GRDB
package import LachesisModel

extension Store {
    /// Stores records in the order in which they stand, up to the first that cannot be stored; returns when they are on disk.
    ///
    /// The first record ever makes the battery and its table.
    /// - Parameters:
    ///   - stream: names an upload that is resumed after a cut; how many of its records are stored is counted with them.
    ///   - total: how many of the stream's records stand before these; nil does not look. What is left over of a connection that
    ///     was cut may come after the connection that resumes it: one of them then has another count than the store.
    /// - Throws: `StoreError`: `.streamMoved` if the stream has another count, `.nameClash` if the name's table would be another's,
    ///   `.full`, `.io`. Nothing is stored then.
    package func append(
        _ batch: RecordBatch, to name: BatteryName, stream: String?, after total: Int64? = nil
    ) async throws(StoreError) -> AppendOutcome {
        let columnLimit = Self.columnLimit(limits)
        return try await queue.perform(weight: batch.count, on: name) { transaction in
            if let stream, let total { try Self.check(stream, of: name, at: total, transaction) }
            var appender = try RecordAppender(transaction, battery: name, columnLimit: columnLimit)
            let refusal = try appender.append(batch)
            var outcome = AppendOutcome(stored: appender.stored, refusal: refusal, streamTotal: stream == nil ? nil : 0)
            guard let entry = appender.entry else { return outcome }
            if let stream {
                if appender.stored > 0 {
                    try transaction.database.cachedStatement(
                        sql: """
                            INSERT INTO lachesis_streams (battery, stream, stored) VALUES (?, CAST(? AS TEXT), ?)
                            ON CONFLICT DO UPDATE SET stored = stored + excluded.stored
                            """
                    ).execute(arguments: [entry.id, Data(stream.utf8), appender.stored])
                }
                outcome.streamTotal = try Self.streamTotal(stream, battery: entry.id, transaction.database)
            }
            if appender.stored > 0 { transaction.keepAppended(entry) }
            return outcome
        }
    }

    /// Stores all records of a batch, or none; returns when they are on disk.
    /// - Returns: the first record that cannot be stored; nil if all are.
    /// - Throws: `StoreError`: `.nameClash` if the name's table would be another's, `.full`, `.io`. Nothing is stored then.
    package func appendWhole(_ batch: RecordBatch, to name: BatteryName) async throws(StoreError) -> RefusedRecord? {
        let columnLimit = Self.columnLimit(limits)
        return try await queue.perform(weight: batch.count, on: name) { transaction in
            var appender = try RecordAppender(transaction, battery: name, columnLimit: columnLimit)
            if let refused = appender.refused(in: batch) { return refused }
            guard try appender.append(batch) == nil else {
                throw StoreError(.other, "a record was found good, and then was not")
            }
            if let entry = appender.entry, appender.stored > 0 { transaction.keepAppended(entry) }
            return nil
        }
    }

    /// How many records of a stream are stored; 0 for one that was never heard of, or of a battery that was not.
    ///
    /// It waits for what was handed to `append` before, so that a client that comes back is not told too few.
    package func streamTotal(_ stream: String, of name: BatteryName) async throws(StoreError) -> Int64 {
        try await queue.perform(on: name) { transaction in
            guard let entry = try transaction.battery(name) else { return 0 }
            return try Self.streamTotal(stream, battery: entry.id, transaction.database)
        }
    }

    private static func check(
        _ stream: String, of name: BatteryName, at total: Int64, _ transaction: WriteTransaction
    ) throws {
        let known =
            try transaction.battery(name).map { try streamTotal(stream, battery: $0.id, transaction.database) } ?? 0
        guard known == total else {
            throw Refusal(
                .streamMoved, "the stream has \(known) records and not \(total): another connection goes on with it")
        }
    }

    /// A stream's name goes to SQLite as bytes, because GRDB cuts text at NUL, where two names could become one.
    private static func streamTotal(_ stream: String, battery: Int64, _ database: Database) throws -> Int64 {
        let statement = try database.cachedStatement(
            sql: "SELECT stored FROM lachesis_streams WHERE battery = ? AND stream = CAST(? AS TEXT)")
        return try Int64.fetchOne(statement, arguments: [battery, Data(stream.utf8)]) ?? 0
    }
}
