import LachesisModel
import Testing

@testable import LachesisFleet

@Suite struct ScriptLogsTests {
    private let logs = ScriptLogs()
    private let battery: BatteryName

    init() throws { battery = try BatteryName("cell") }

    private func write(_ text: String, dropped: Int = 0, version: Int = 1, at time: Double = 1) {
        logs.append(Array(text.utf8), dropped: dropped, to: "cell", version: version, time: time)
    }

    private var texts: [String] { logs.log(of: battery)?.entries.map(\.text) ?? [] }

    @Test func linesAreKeptWithTheTimeOfTheirBeginning() {
        write("one\ntw", at: 1)
        write("o\n\nthree", at: 2)
        #expect(texts == ["one", "two", "", "three"])
        #expect(logs.log(of: battery)?.entries.map(\.time) == [1, 1, 2, 2])
    }

    @Test func anotherVersionAndACutBeginALineOfTheirOwn() {
        write("begun", version: 1)
        write("new", version: 2)
        write("er\n", dropped: 7, version: 2)
        #expect(texts == ["begun", "new", "er"])
        #expect(logs.log(of: battery)?.dropped == 7)
    }

    @Test func theLatestAreKeptWhateverIsWritten() {
        for number in 0..<10_000 { write("line \(number)\n") }
        write(String(repeating: "\n", count: 50_000))
        let log = logs.log(of: battery)
        #expect((log?.entries.count ?? 0) * 32 <= ScriptLogs.capacity)
        #expect((log?.dropped ?? 0) > 0)
        write("x")
        #expect(texts.last == "x")
    }

    @Test func oneLineWithoutEndIsBoundedToo() {
        for _ in 0..<100 { write(String(repeating: "x", count: 10_000)) }
        #expect(texts.map(\.utf8.count).reduce(0, +) <= ScriptLogs.capacity)
    }
}
