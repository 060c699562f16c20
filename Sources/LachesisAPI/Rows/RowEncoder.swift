internal import LachesisModel
internal import LachesisWire

/// A column as it is told to those who read rows.
struct RowColumn {
    let name: String
    let type: ColumnType
    /// nil if it is not known.
    let unit: String?
}

/// Writes rows in one format, piece by piece.
protocol RowEncoder {
    mutating func begin(_ columns: [RowColumn])
    /// - Parameter row: one value a column.
    mutating func append(_ row: ArraySlice<Value>)
    mutating func end()
    /// The bytes since the last call.
    mutating func drain() -> [UInt8]
}

extension RowFormat {
    func encoder() -> any RowEncoder {
        switch self {
        case .json: JSONRows()
        case .table: JSONTable()
        case .csv: CSVRows()
        case .msgpack: MsgPackRows()
        }
    }
}

private struct JSONRows: RowEncoder {
    private var json = JSONWriter(capacity: 1 << 18)
    private var names: [String] = []

    mutating func begin(_ columns: [RowColumn]) {
        names = columns.map(\.name)
        json.beginArray()
    }

    mutating func append(_ row: ArraySlice<Value>) {
        json.beginObject()
        for (name, value) in zip(names, row) {
            json.key(name)
            json.value(value)
        }
        json.endObject()
    }

    mutating func end() { json.endArray() }
    mutating func drain() -> [UInt8] { json.drain() }
}

private struct JSONTable: RowEncoder {
    private var json = JSONWriter(capacity: 1 << 18)

    mutating func begin(_ columns: [RowColumn]) {
        json.beginObject()
        json.key("columns")
        json.beginArray()
        for column in columns {
            json.beginObject()
            json.key("name")
            json.string(column.name)
            json.key("type")
            json.string(column.type.rawValue)
            json.key("unit")
            json.string(column.unit)
            json.endObject()
        }
        json.endArray()
        json.key("rows")
        json.beginArray()
    }

    mutating func append(_ row: ArraySlice<Value>) {
        json.beginArray()
        for value in row { json.value(value) }
        json.endArray()
    }

    mutating func end() {
        json.endArray()
        json.endObject()
    }

    mutating func drain() -> [UInt8] { json.drain() }
}

/// RFC 4180: lines end with CRLF, NULL is an empty field, and text without any character is one of two quotes. So is NULL in a
/// column that is alone: readers skip lines without any character.
private struct CSVRows: RowEncoder {
    private var bytes: [UInt8] = []

    mutating func begin(_ columns: [RowColumn]) { line(columns) { $0.text($1.name) } }

    mutating func append(_ row: ArraySlice<Value>) {
        let isAlone = row.count == 1
        line(row) { rows, value in
            switch value {
            case .null: if isAlone { rows.text("") }
            case .integer(let integer): rows.bytes.append(contentsOf: String(integer).utf8)
            case .real(let real): rows.bytes.append(contentsOf: real.description.utf8)
            case .text(let text): rows.text(text)
            }
        }
    }

    mutating func end() {}

    mutating func drain() -> [UInt8] {
        defer { bytes.removeAll(keepingCapacity: true) }
        return bytes
    }

    private mutating func line<Field>(_ fields: some Sequence<Field>, _ write: (inout CSVRows, Field) -> Void) {
        var isFirst = true
        for field in fields {
            if !isFirst { bytes.append(UInt8(ascii: ",")) }
            isFirst = false
            write(&self, field)
        }
        bytes.append(contentsOf: "\r\n".utf8)
    }

    private mutating func text(_ text: String) {
        let quote = UInt8(ascii: "\"")
        let mustQuote = text.utf8.contains { $0 == quote || $0 == UInt8(ascii: ",") || $0 == 0x0a || $0 == 0x0d }
        guard mustQuote || text.isEmpty else { return bytes.append(contentsOf: text.utf8) }
        bytes.append(quote)
        for byte in text.utf8 {
            if byte == quote { bytes.append(quote) }
            bytes.append(byte)
        }
        bytes.append(quote)
    }
}

private struct MsgPackRows: RowEncoder {
    private var writer = MsgPackWriter(capacity: 1 << 18)

    mutating func begin(_ columns: [RowColumn]) {
        writer.map(1)
        writer.string("columns")
        writer.array(columns.count)
        for column in columns {
            writer.map(3)
            writer.string("name")
            writer.string(column.name)
            writer.string("type")
            writer.string(column.type.rawValue)
            writer.string("unit")
            column.unit.map { writer.string($0) } ?? writer.null()
        }
    }

    mutating func append(_ row: ArraySlice<Value>) {
        writer.array(row.count)
        for value in row { writer.value(value) }
    }

    mutating func end() {}
    mutating func drain() -> [UInt8] { writer.drain() }
}
