import LachesisModel
import Testing

@Suite struct TableSchemaTests {
    private func schema(_ columns: [TableSchema.Column] = [], limit: Int = 8) -> TableSchema {
        TableSchema(columns: columns, limit: limit)
    }

    /// Admits a value under a key, as the first or a later one.
    private func admit(_ value: Value, _ key: String, into schema: inout TableSchema) throws -> Value? {
        guard let position = try schema.position(of: key) else { return nil }
        return try schema.admit(value, at: position)
    }

    @Test func aColumnTakesTheTypeOfItsFirstValue() throws {
        var schema = schema()
        #expect(try admit(.integer(1), "i", into: &schema) == .integer(1))
        #expect(try admit(.real(1), "f", into: &schema) == .real(1))
        #expect(try admit(.text("x"), "t", into: &schema) == .text("x"))
        #expect(schema.columns.map(\.name) == ["i", "f", "t"])
        #expect(schema.columns.map(\.type) == [.integer, .float, .text])
    }

    @Test func nullsLeaveTheTypeOpen() throws {
        var schema = schema()
        for _ in 0..<2 { #expect(try admit(.null, "a", into: &schema) == .null) }
        #expect(schema.column(named: "a") == .init(name: "a", type: .float, isProvisional: true))
        #expect(try admit(.text("x"), "a", into: &schema) == .text("x"))
        #expect(schema.column(named: "a") == .init(name: "a", type: .text))
        #expect(try admit(.null, "a", into: &schema) == .null)
        #expect(schema.column(named: "a")?.type == .text)
    }

    @Test func knownColumnsTakeTheirOwnTypeWhateverComesFirst() throws {
        var schema = schema()
        #expect(try admit(.integer(0), "current", into: &schema) == .real(0))
        #expect(try admit(.real(3), "cycle_number", into: &schema) == .integer(3))
        #expect(try admit(.text("charging"), "state", into: &schema) == .text("charging"))
        #expect(try admit(.null, "voltage", into: &schema) == .null)
        #expect(schema.columns.map(\.type) == [.float, .integer, .text, .float])
        #expect(!schema.columns.contains { $0.isProvisional })
        #expect(throws: RecordRefusal.self) { try schema.admit(.integer(1), at: 2) }
    }

    @Test func anIntegerColumnBecomesFloatAtItsFirstFraction() throws {
        var schema = schema([.init(name: "i", type: .integer)])
        #expect(try schema.admit(.real(2), at: 0) == .integer(2))
        #expect(schema.columns[0].type == .integer && schema.revision == 0)
        #expect(try schema.admit(.real(2.5), at: 0) == .real(2.5))
        #expect(schema.columns[0].type == .float && schema.revision == 1)
        #expect(try schema.admit(.integer(3), at: 0) == .real(3))
    }

    @Test(arguments: [-0.0, 0x1p63, 1e300, -1.5])
    func whatNoIntegerEqualsCountsAsAFraction(value: Double) throws {
        var schema = schema([.init(name: "i", type: .integer)])
        let admitted = try schema.admit(.real(value), at: 0)
        guard case .real(let real) = admitted else {
            Issue.record("\(admitted)")
            return
        }
        #expect(real.bitPattern == value.bitPattern)
        #expect(schema.columns[0].type == .float)
    }

    @Test func nothingIsRounded() throws {
        var schema = schema([.init(name: "f", type: .float), .init(name: "i", type: .integer)])
        #expect(try schema.admit(.integer(1 << 53), at: 0) == .real(0x1p53))
        #expect(try schema.admit(.integer(.min), at: 0) == .real(-0x1p63))
        for integer: Int64 in [(1 << 53) + 1, .max, -(1 << 53) - 1] {
            #expect(throws: RecordRefusal.self) { try schema.admit(.integer(integer), at: 0) }
            #expect(try schema.admit(.integer(integer), at: 1) == .integer(integer))
        }
    }

    @Test func textAndNumbersDoNotMix() throws {
        var schema = schema([
            .init(name: "t", type: .text), .init(name: "f", type: .float), .init(name: "i", type: .integer),
        ])
        for (value, position) in [(Value.integer(1), 0), (.real(1.5), 0), (.text("1"), 1), (.text("1"), 2)] {
            let error = #expect(throws: RecordRefusal.self) { try schema.admit(value, at: position) }
            #expect(error?.kind == .inadmissible && error?.key == schema.columns[position].name)
        }
        #expect(schema.revision == 0)
    }

    @Test func receivedIsTheServersOwn() throws {
        var schema = schema()
        #expect(try schema.position(of: "received") == nil)
        #expect(schema.columns.isEmpty && schema.revision == 0)
        #expect(throws: RecordRefusal.self) { try schema.position(of: "Received") }
    }

    @Test func keysThatDifferInASCIICaseAloneClash() throws {
        var schema = schema()
        #expect(try schema.position(of: "Temp") == 0)
        #expect(try schema.position(of: "Temp") == 0)
        #expect(throws: RecordRefusal.self) { try schema.position(of: "temp") }
        #expect(try schema.position(of: "tempÄ") == 1)
        #expect(try schema.position(of: "tempä") == 2)
        #expect(schema.contains("Temp") && !schema.contains("temp") && schema.column(named: "TEMP") == nil)
    }

    @Test func columnsBeyondTheLimitAreRefused() throws {
        var schema = schema([.init(name: "a", type: .integer)], limit: 2)
        #expect(try schema.position(of: "b") == 1)
        #expect(throws: RecordRefusal.self) { try schema.position(of: "c") }
        #expect(try schema.position(of: "a") == 0)
        #expect(try schema.position(of: "received") == nil)
    }

    @Test func aRevisionCountsEveryChange() throws {
        var schema = schema([.init(name: "a", type: .integer)])
        _ = try admit(.integer(1), "a", into: &schema)
        #expect(schema.revision == 0)
        _ = try admit(.null, "b", into: &schema)
        #expect(schema.revision == 1)
        _ = try admit(.integer(1), "b", into: &schema)
        #expect(schema.revision == 2)
        let copy = schema
        _ = try admit(.real(1.5), "b", into: &schema)
        #expect(schema.revision == 3 && copy.revision == 2 && copy.columns[1].type == .integer)
    }
}
