import Foundation
import GRDB
import LachesisModel
import LachesisStore
import Testing

/// Lets `body` use a folder that is gone afterwards.
func withFolder<Output>(_ body: (String) async throws -> Output) async throws -> Output {
    let path = FileManager.default.temporaryDirectory.path + "/lachesis-store-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try await body(path)
}

/// Lets `body` use a store, which is closed afterwards.
func withStore<Output>(
    in folder: String, limits: Limits = Limits(), _ body: (Store) async throws -> Output
) async throws -> Output {
    let store = try Store.open(folder: folder, limits: limits)
    do {
        let output = try await body(store)
        await store.close()
        return output
    } catch {
        await store.close()
        throw error
    }
}

/// Lets `body` use a store in a folder of its own.
func withStore(limits: Limits = Limits(), _ body: (Store) async throws -> Void) async throws {
    try await withFolder { try await withStore(in: $0, limits: limits, body) }
}

/// Looks into the database, or changes it, as another program would.
func withDatabase<Output>(in folder: String, _ body: (Database) throws -> Output) throws -> Output {
    let queue = try DatabaseQueue(path: folder + "/lachesis.sqlite")
    defer { try? queue.close() }
    return try queue.writeWithoutTransaction(body)
}

/// Checks that something fails with a store's error of this code.
func expect<Output>(
    _ code: StoreError.Code, _ location: SourceLocation = #_sourceLocation, from body: () async throws -> Output
) async {
    do {
        _ = try await body()
        Issue.record("nothing is thrown", sourceLocation: location)
    } catch {
        #expect((error as? StoreError)?.code == code, "\(error)", sourceLocation: location)
    }
}

// MARK: Records

extension Value: ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral, ExpressibleByStringLiteral,
    ExpressibleByNilLiteral
{
    public init(integerLiteral value: Int64) { self = .integer(value) }
    public init(floatLiteral value: Double) { self = .real(value) }
    public init(stringLiteral value: String) { self = .text(value) }
    public init(nilLiteral: ()) { self = .null }
}

typealias Record = [(key: String, value: Value)]

/// - Parameter received: when each came, by its place in the batch, Unix s; by default one second after the other from 1,000 s on.
func batch(_ records: [Record], received: (Int) -> Double = { 1_000 + Double($0) }) -> RecordBatch {
    var batch = RecordBatch()
    var layout = RecordLayout(keys: [])
    for record in records {
        let keys = record.map(\.key)
        if keys != layout.keys { layout = RecordLayout(keys: keys) }
        batch.append(record.map(\.value), layout: layout, received: received(batch.count))
    }
    return batch
}

func batch(_ records: KeyValuePairs<String, Value>...) -> RecordBatch { batch(records.map(Array.init)) }

extension Store {
    /// Appends records of which none must be refused.
    func store(_ records: KeyValuePairs<String, Value>..., to name: BatteryName) async throws {
        let outcome = try await append(batch(records.map(Array.init)), to: name, stream: nil)
        try #require(outcome == AppendOutcome(stored: records.count))
    }

    /// All rows of a battery, without `received`.
    func rows(
        of name: BatteryName, start: Double? = nil, end: Double? = nil, limit: Int? = nil
    ) async throws -> [[Value]] {
        var rows: [[Value]] = []
        for try await page in try data(of: name, RowSelection(start: start, end: end, limit: limit)) {
            try #require(!page.isEmpty)
            rows += page.map { Array($0.dropLast()) }
        }
        return rows
    }

    /// One column of a battery's rows, and nothing for rows that have it not.
    func integers(_ column: String, of name: BatteryName) async throws -> [Int64] {
        let place = try #require(try data(of: name).columns.firstIndex { $0.name == column })
        return try await rows(of: name).compactMap { row in
            if case .integer(let integer) = row[place] { integer } else { nil }
        }
    }

    /// The records' columns with the words that `/db/stats` has for them.
    func columns(of name: BatteryName) throws -> [String] {
        let columns = try #require(stats(of: name)).columns
        #expect(columns.last == TableSchema.Column(name: "received", type: .float))
        return columns.dropLast().map { "\($0.name) \($0.type.rawValue)" }
    }
}

/// Distinguishes what `==` does not, such as 0.0 and −0.0.
func exact(_ rows: [[Value]]) -> [[String]] { rows.map { $0.map { "\($0)" } } }
