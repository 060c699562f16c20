internal import GRDB

/// Why the store could not do what it was asked; whatever it was, nothing of it is written.
package struct StoreError: Error, Sendable, CustomStringConvertible {
    package enum Code: Sendable {
        /// No battery of this name is known.
        case unknownBattery
        /// The battery has no estimator.
        case unknownEstimator
        /// The estimator is another one by now.
        case superseded
        /// The table has no column of this name.
        case unknownColumn
        /// The battery's estimator has no such version, or none that is kept.
        case unknownVersion
        /// The name denotes a table that another battery or program owns.
        case nameClash
        /// A stream was continued elsewhere meanwhile.
        case streamMoved
        /// What is to be written does not fit into a table, or not to what was written before.
        case unstorable
        /// Another server, or another program's transaction, holds the database, or others change its tables too fast.
        case locked
        /// A newer version of the server wrote the database.
        case newerDatabase
        /// No space is left on the disk.
        case full
        /// The disk, the folder or its permissions do not let the database be read or written.
        case io
        /// The file is no database, or a damaged one.
        case corrupt
        /// The store is closed or about to be.
        case closed
        /// The task that asked was cancelled; only reading can be.
        case cancelled
        case other
    }

    package let code: Code
    package let message: String
    package let underlying: (any Error)?

    package var description: String { message }

    init(_ code: Code, _ message: String, underlying: (any Error)? = nil) {
        (self.code, self.message, self.underlying) = (code, message, underlying)
    }

    /// Whatever SQLite, GRDB or the store's own code threw, as a store's error.
    init(_ error: any Error) {
        switch error {
        case let error as StoreError: self = error
        case let refusal as Refusal: self = refusal.error
        case let error as DatabaseError:
            let reason = error.message ?? "SQLite's error \(error.extendedResultCode.rawValue)"
            self.init(Self.code(of: error.resultCode), "the database answers: \(reason)", underlying: error)
        case is CancellationError: self.init(.cancelled, "reading was cancelled", underlying: error)
        default: self.init(.other, "the database could not be used: \(error)", underlying: error)
        }
    }

    private static func code(of code: ResultCode) -> Code {
        switch code {
        case .SQLITE_FULL: .full
        case .SQLITE_IOERR, .SQLITE_CANTOPEN, .SQLITE_READONLY, .SQLITE_PERM, .SQLITE_AUTH: .io
        case .SQLITE_CORRUPT, .SQLITE_NOTADB, .SQLITE_FORMAT: .corrupt
        case .SQLITE_BUSY, .SQLITE_LOCKED, .SQLITE_SCHEMA: .locked
        case .SQLITE_TOOBIG: .unstorable
        case .SQLITE_INTERRUPT: .cancelled
        case .SQLITE_MISUSE: .closed
        default: .other
        }
    }

    static func unknownBattery(_ name: some CustomStringConvertible) -> StoreError {
        StoreError(.unknownBattery, "no battery is named '\(name)'")
    }

    static func unknownEstimator(_ name: some CustomStringConvertible) -> StoreError {
        StoreError(.unknownEstimator, "the battery '\(name)' has no estimator")
    }
}

/// A job's own refusal, thrown before it has written anything: the transaction that it shares with others goes on.
struct Refusal: Error {
    let error: StoreError

    init(_ code: StoreError.Code, _ message: String) { error = StoreError(code, message) }

    init(_ error: StoreError) { self.error = error }
}
