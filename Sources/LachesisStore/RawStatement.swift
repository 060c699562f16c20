internal import GRDB
internal import GRDBSQLite
internal import LachesisModel

/// Asks SQLite to copy text and bytes while they are bound.
private let copied = unsafeBitCast(-1, to: sqlite3_destructor_type.self)

/// A prepared statement that is bound and stepped without GRDB's boxing of values: some 3 µs less a record of 10 columns.
///
/// It serves one connection, on that connection's queue. SQLite compiles it again by itself when tables have changed since.
final class RawStatement {
    private let statement: Statement
    private let handle: OpaquePointer
    private let connection: OpaquePointer?

    init(_ database: Database, _ sql: String) throws {
        statement = try database.makeStatement(sql: sql)
        handle = statement.sqliteStatement
        connection = database.sqliteConnection
    }

    // MARK: Parameters, counted from 1

    func bind(_ value: Value, at index: CInt) throws {
        switch value {
        case .null: try check(sqlite3_bind_null(handle, index))
        case .integer(let integer): try check(sqlite3_bind_int64(handle, index, integer))
        case .real(let real): try check(sqlite3_bind_double(handle, index, real))
        case .text(let text): try bind(text, at: index)
        }
    }

    /// NaN is bound as NULL.
    func bind(_ value: Double, at index: CInt) throws { try check(sqlite3_bind_double(handle, index, value)) }

    func bind(_ value: Int64, at index: CInt) throws { try check(sqlite3_bind_int64(handle, index, value)) }

    func bind(_ text: String, at index: CInt) throws {
        // An empty string may have no address, which SQLite would take for NULL.
        guard !text.isEmpty else { return try check(sqlite3_bind_text(handle, index, "", 0, copied)) }
        var text = text
        try check(
            text.withUTF8 { bytes in
                bytes.withMemoryRebound(to: CChar.self) {
                    sqlite3_bind_text64(handle, index, $0.baseAddress, UInt64($0.count), copied, UInt8(SQLITE_UTF8))
                }
            })
    }

    func bind(_ bytes: UnsafeRawBufferPointer, at index: CInt) throws {
        // Without an address SQLite would take no bytes for NULL.
        try check(
            bytes.isEmpty
                ? sqlite3_bind_zeroblob(handle, index, 0)
                : sqlite3_bind_blob64(handle, index, bytes.baseAddress, UInt64(bytes.count), copied))
    }

    // MARK: Execution

    /// Executes a statement that gives no rows, and makes it ready for the next.
    func run() throws {
        let code = sqlite3_step(handle)
        // The message is taken before the reset, which may replace it.
        let failure = code == SQLITE_DONE || code == SQLITE_ROW ? nil : error(code)
        sqlite3_reset(handle)
        if let failure { throw failure }
    }

    /// Whether there is another row; its columns can be read until the next call.
    func step() throws -> Bool {
        let code = sqlite3_step(handle)
        if code == SQLITE_ROW { return true }
        let failure = code == SQLITE_DONE ? nil : error(code)
        sqlite3_reset(handle)
        if let failure { throw failure }
        return false
    }

    /// Lets go of what is bound and of the row that was read last.
    func clear() {
        sqlite3_reset(handle)
        sqlite3_clear_bindings(handle)
    }

    // MARK: Columns of a row, counted from 0

    func integer(at column: CInt) -> Int64 { sqlite3_column_int64(handle, column) }

    /// The number, or NaN where there is none.
    func number(at column: CInt) -> Double {
        switch sqlite3_column_type(handle, column) {
        case SQLITE_INTEGER, SQLITE_FLOAT: sqlite3_column_double(handle, column)
        default: .nan
        }
    }

    /// The number of a row and its sequence; NaN where there is none.
    func place(at column: CInt, _ sequence: Int64) -> Extremes.Place {
        sqlite3_column_type(handle, column) == SQLITE_INTEGER
            ? Extremes.Place(integer: integer(at: column), sequence: sequence)
            : Extremes.Place(value: number(at: column), sequence: sequence)
    }

    /// The value as its column's type has it: in a FLOAT column that once was INTEGER, the integers from then become doubles,
    /// save those that no double equals.
    func value(at column: CInt, as type: ColumnType) -> Value {
        switch sqlite3_column_type(handle, column) {
        case SQLITE_INTEGER:
            let integer = sqlite3_column_int64(handle, column)
            if type == .float, let real = Double(exactly: integer) { return .real(real) }
            return .integer(integer)
        case SQLITE_FLOAT: return .real(sqlite3_column_double(handle, column))
        case SQLITE_TEXT: return .text(text(at: column))
        default: return .null
        }
    }

    /// The text; empty where there is none.
    func text(at column: CInt) -> String {
        let bytes = sqlite3_column_text(handle, column)
        let count = Int(sqlite3_column_bytes(handle, column))
        return String(decoding: UnsafeBufferPointer(start: bytes, count: bytes == nil ? 0 : count), as: UTF8.self)
    }

    /// The blob's bytes; empty where there is none.
    func bytes(at column: CInt) -> [UInt8] {
        let bytes = sqlite3_column_blob(handle, column)
        let count = Int(sqlite3_column_bytes(handle, column))
        return Array(UnsafeRawBufferPointer(start: bytes, count: bytes == nil ? 0 : count))
    }

    // MARK: Errors

    private func check(_ code: CInt) throws {
        if code != SQLITE_OK { throw error(code) }
    }

    private func error(_ code: CInt) -> DatabaseError {
        DatabaseError(
            resultCode: ResultCode(rawValue: code), message: sqlite3_errmsg(connection).map { String(cString: $0) })
    }
}
