import LachesisModel
import Synchronization
import Testing

@testable import LachesisFleet

@Suite struct ScriptLogsTests {
    private let logs = ScriptLogs()
    private let battery: BatteryName

    init() throws { battery = try BatteryName("cell") }

    private var limits = WorkerLimits(ScriptLimits(), within: Limits())
    private var capacity: Int { limits.logBytes }

    private func write(_ text: String, dropped: Int = 0, version: Int = 1, at time: Double = 1) {
        logs.append(Array(text.utf8), dropped: dropped, to: "cell", version: version, limits: limits, time: time)
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
        #expect((log?.entries.count ?? 0) * 32 <= capacity)
        #expect((log?.dropped ?? 0) > 0)
        write("x")
        #expect(texts.last == "x")
    }

    @Test func oneLineWithoutEndIsBoundedToo() {
        for _ in 0..<100 { write(String(repeating: "x", count: 10_000)) }
        #expect(texts.map(\.utf8.count).reduce(0, +) <= capacity)
        #expect(texts == [String(repeating: "x", count: capacity - ScriptLogs.overhead)], "its end is kept")
    }

    @Test func whichLimitWasMetIsToldOnceForEachVersion() {
        let told = Mutex<[String]>([])
        logs.whenLimited { battery, version, problem in
            told.withLock { $0.append("\(battery) \(version): \(problem)") }
        }
        write("quiet\n")
        #expect(logs.log(of: battery)?.problem(of: 1) == nil)
        for _ in 0..<3 { write("cut\n", dropped: 9) }
        #expect(
            told.withLock { $0 } == ["cell 1: its output comes faster than 64 KiB/s (log_rate_kb) and is cut"])
        write("quiet again\n", version: 2)
        #expect(logs.log(of: battery)?.problem(of: 2) == nil)
    }

    @Test func aScriptsOwnLimitsHold() throws {
        var wanted = ScriptLimits()
        (wanted.logBytes, wanted.logRateBytes) = (1_024, 2_560)
        let limits = WorkerLimits(wanted, within: Limits())
        for number in 0..<1_000 {
            logs.append(
                Array("line \(number)\n".utf8), dropped: number % 2, to: "cell", version: 3, limits: limits, time: 1)
        }
        let log = try #require(logs.log(of: battery))
        #expect(log.entries.count * ScriptLogs.overhead <= 1_024 && log.entries.last?.text == "line 999")
        #expect(
            log.problem(of: 3) == "its output comes faster than 2.5 KiB/s (log_rate_kb) and is cut; "
                + "only the latest 1 KiB of its output (log_kb) are kept")
    }
}
