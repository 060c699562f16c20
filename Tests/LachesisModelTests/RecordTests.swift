import LachesisModel
import Testing

@Suite struct RecordTests {
    @Test func recordsOfOneLayoutFormARunAndKeepTheirOrder() {
        let (first, second) = (RecordLayout(keys: ["a", "b"]), RecordLayout(keys: ["a"]))
        var batch = RecordBatch()
        #expect(batch.isEmpty)
        batch.append([.integer(1), .real(2)], layout: first, received: 10)
        batch.append([.integer(3), .null], layout: first, received: 11)
        batch.append([.integer(5)], layout: second, received: 12)
        batch.append([.integer(6), .text("x")], layout: first, received: 13)
        #expect(batch.count == 4)
        #expect(batch.runs.map(\.layout.keys) == [["a", "b"], ["a"], ["a", "b"]])
        #expect(batch.runs.map(\.received) == [[10, 11], [12], [13]])
        #expect(batch.runs[0].values == [.integer(1), .real(2), .integer(3), .null])
    }

    @Test func emptyRecordsAreCounted() {
        let layout = RecordLayout(keys: [])
        var batch = RecordBatch()
        for time in 0..<3 { batch.append([], layout: layout, received: Double(time)) }
        #expect(batch.count == 3 && batch.runs.count == 1 && batch.runs[0].received == [0, 1, 2])
    }

    @Test func aValueHasADoubleOnlyIfItIsExact() {
        #expect(Value.integer(1 << 53).exactDouble == 0x1p53)
        #expect(Value.integer((1 << 53) + 1).exactDouble == nil)
        #expect(Value.real(0.1).exactDouble == 0.1)
        #expect(Value.text("1").exactDouble == nil && Value.null.exactDouble == nil)
    }

    @Test func everyOutcomeOfAStepIsCountedOnce() {
        var counts = StepCounts()
        for outcome: StepOutcome in [.seeded, .stepped, .stepped, .missingValue, .beforeValidTime, .late, .failed] {
            counts.count(outcome)
        }
        #expect(counts.stepped == 2 && counts.seeded == 1 && counts.failed == 1)
        #expect(counts.skipped == 3)
    }
}
