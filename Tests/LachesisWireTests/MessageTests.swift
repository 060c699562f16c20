import LachesisModel
import TestSupport
import Testing

@testable import LachesisWire

@Suite struct MessageTests {
    @Test func commandsAndReportsSurviveTheWire() throws {
        let order = WorkerOrder(
            plugin: "moirae", label: "Zelle Ä", version: 2, limits: WorkerLimits(ScriptLimits(), within: Limits()))
        let commands: [HostCommand] = [.start(1 << 40, order), .deliver(2, .batch, [1, 2, 3]), .stop(3), .ping]
        for command in commands { #expect(try HostCommand(decoding: command.encoded) == command) }
        let reports: [HostReport] = [
            .hello(
                pid: 7, plugins: [PluginReport(name: "kalman", state: .failed, detail: "no numpy")],
                controlGroups: ControlGroupReport(controllers: ["pids"], detail: "no cpu")),
            .plugin(PluginReport(name: "moirae", state: .ready)), .started(4, pid: 8), .message(5, .result, []),
            .exited(6, WorkerExit(.ended, status: -11, detail: "d", output: "o")), .alive,
            .output(7, [1, 2], dropped: 3),
            .usage([WorkerUsage(epoch: 1 << 40, memoryBytes: 8 << 20, cpuSeconds: 0.25)]),
        ]
        for report in reports { #expect(try HostReport(decoding: report.encoded) == report) }
    }

    @Test func aKindOfTheOtherDirectionIsRefused() {
        var bytes = HostCommand.deliver(1, .batch, []).encoded
        bytes[9] = WorkerMessageKind.result.rawValue
        #expect(throws: WireError.self) { try HostCommand(decoding: bytes) }
        #expect(throws: WireError.self) { try HostReport(decoding: HostCommand.stop(1).encoded) }
        #expect(throws: WireError.self) { try HostCommand(decoding: []) }
    }

    /// A result for three records: stepped, missing, failed; one state, one output.
    private func result(
        mean: Double = 1, covariance: [Double] = [4], outcomes: [UInt8] = [0, 2, 5], stepped: UInt32 = 1,
        errorIndex: UInt32 = 2, section: [UInt8] = []
    ) -> [UInt8] {
        var writer = ByteWriter()
        for number in [UInt32(outcomes.count), stepped, 1, 1, 1, UInt32(section.count)] { writer.put(number) }
        writer.put(outcomes + [UInt8](repeating: 0, count: (8 - outcomes.count % 8) % 8))
        writer.put([10.0, mean, 4, 3.5, 0.01])
        writer.put(covariance)
        writer.put(errorIndex)
        writer.put(UInt32(2))
        writer.put(Array("no".utf8))
        writer.put(section)
        return writer.bytes
    }

    @Test func aResultIsDecoded() throws {
        let answer = try ResultAnswer(decoding: result(), states: 1, outputs: 1, checkpointLimit: 100)
        #expect(answer.outcomes == [.stepped, .missingValue, .failed])
        #expect(answer.testTimes == [10] && answer.means == [1] && answer.variances == [4] && answer.covariance == [4])
        #expect(answer.outputMeans == [3.5] && answer.outputVariances == [0.01])
        #expect(answer.errors == [ResultAnswer.StepError(index: 2, text: "no")])
        #expect(try ResultAnswer.recordCount(of: result()) == 3)
    }

    @Test func aResultMayBringACheckpointOrSayWhyNot() throws {
        func checkpoint(_ section: [UInt8]) throws -> CheckpointAnswer? {
            try ResultAnswer(decoding: result(section: section), states: 1, outputs: 1, checkpointLimit: 100).checkpoint
        }
        #expect(try checkpoint([]) == nil)
        #expect(try checkpoint([1, 7, 8, 9]) == .state([7, 8, 9]))
        #expect(try checkpoint([1] + [UInt8](repeating: 3, count: 100)) == .state([UInt8](repeating: 3, count: 100)))
        #expect(try checkpoint([0] + Array("a lock".utf8)) == .failure("a lock"))
        let bad: [[UInt8]] = [
            [1], [2, 0], [1] + [UInt8](repeating: 3, count: 101), [0, 0xff], [0] + [UInt8](repeating: 65, count: 4_001),
        ]
        for section in bad { #expect(throws: WireError.self) { try checkpoint(section) } }
    }

    @Test func aFailureTellsWhetherTheCheckpointIsToBlame() throws {
        func answer(_ json: String) throws -> FailedAnswer { try FailedAnswer(decoding: Array(json.utf8)) }
        #expect(try !answer(#"{"error": "e"}"#).isCheckpoints)
        #expect(try answer(#"{"error": "e", "checkpoint": true}"#).isCheckpoints)
        #expect(throws: WireError.self) { try answer("{}") }
    }

    @Test func aResultThatDoesNotAddUpIsRefused() {
        let bad = [
            result(mean: .nan), result(covariance: [.infinity]), result(outcomes: [0, 2, 6]),
            result(outcomes: [0, 0, 5]),
            result(stepped: 4), result(errorIndex: 0), result(errorIndex: 9), result() + [0],
            Array(result().dropLast()), [],
        ]
        for bytes in bad {
            #expect(throws: WireError.self) {
                try ResultAnswer(decoding: bytes, states: 1, outputs: 1, checkpointLimit: 100)
            }
        }
        #expect(throws: WireError.self) {
            try ResultAnswer(decoding: result(), states: 2, outputs: 1, checkpointLimit: 100)
        }
    }

    @Test func noBytesBreakTheReaders() {
        let accepted = Fuzzing("worker messages").run([result(), result(section: [1, 2, 3])]) { bytes, _ in
            _ = try? HostReport(decoding: bytes)
            _ = try? HostCommand(decoding: bytes)
            _ = try? ReadyAnswer(decoding: bytes, limits: Limits())
            return (try? ResultAnswer(decoding: bytes, states: 1, outputs: 1, checkpointLimit: 100)) != nil
        }
        #expect(accepted > 0)
    }

    private func ready(_ members: String) -> [UInt8] {
        let json =
            #"{"estimator": "E", "state_names": ["q"], "output_names": [], "columns": ["test_time"]\#(members)}"#
        var writer = ByteWriter()
        writer.put(UInt32(json.utf8.count))
        writer.put(json.utf8)
        writer.put([0.0, 1])
        return writer.bytes
    }

    @Test func whoIsReadyTellsItsAccelerationWhichIsAtMostWhatWasOrdered() throws {
        func answer(_ members: String, ordered: Acceleration) throws -> ReadyAnswer {
            try ReadyAnswer(decoding: ready(members), limits: Limits(), acceleration: ordered)
        }
        let off = #", "acceleration": "off", "acceleration_reason": "not known""#
        #expect(try answer(off, ordered: .full).acceleration == .off)
        #expect(try answer(off, ordered: .full).accelerationReason == "not known")
        let untold = try answer("", ordered: .off)
        #expect(untold.acceleration == nil && untold.accelerationReason == nil)
        #expect(try answer(off, ordered: .off).description == untold.description)
        let none = try answer(#", "acceleration": null, "acceleration_reason": """#, ordered: .off)
        #expect(none.acceleration == nil && none.accelerationReason == nil)
        let long = String(repeating: "x", count: 4_001)
        for (members, ordered) in [
            (#", "acceleration": "full""#, Acceleration.shortcuts), (#", "acceleration": "more""#, .full),
            (#", "acceleration": "off", "acceleration_reason": "\#(long)""#, .full),
            (#", "acceleration": "off", "acceleration_reason": 5"#, .full),
        ] {
            #expect(throws: WireError.self) { try answer(members, ordered: ordered) }
        }
    }

    @Test func anOrderHasTheLesserOfWhatIsAskedForAndAllowed() throws {
        let limits = WorkerLimits(ScriptLimits(), within: Limits())
        var registration = Registration(battery: try BatteryName("a"), plugin: "p", definition: "", files: [])
        func order(_ most: Acceleration) -> BuildOrder {
            BuildOrder(registration, version: 1, limits: limits, acceleration: most)
        }
        #expect(order(.full).acceleration == .full && order(.off).acceleration == .off)
        registration.acceleration = .shortcuts
        #expect(order(.full).acceleration == .shortcuts && order(.off).acceleration == .off)
        #expect(String(decoding: order(.full).encoded, as: UTF8.self).contains(#""acceleration":"shortcuts""#))
    }

    @Test func anAsymmetricCovarianceIsRefused() throws {
        var writer = ByteWriter()
        for number: UInt32 in [1, 1, 2, 0, 0, 0] { writer.put(number) }
        writer.put([UInt8](repeating: 0, count: 8))
        writer.put([0.0, 1, 2, 1, 1])
        let symmetric = writer.bytes
        func answer(_ covariance: [Double]) throws -> ResultAnswer {
            var whole = ByteWriter()
            whole.put(symmetric)
            whole.put(covariance)
            return try ResultAnswer(decoding: whole.bytes, states: 2, outputs: 0, checkpointLimit: 100)
        }
        #expect(try answer([1, 0.5, 0.5, 1]).covariance.count == 4)
        #expect(throws: WireError.self) { try answer([1, 0.5, 0.4, 1]) }
    }

    @Test func theRandomSeedIsTheSameForAVersionAndNotForAnother() throws {
        let limits = WorkerLimits(ScriptLimits(), within: Limits())
        let registration = Registration(battery: try BatteryName("a"), plugin: "kalman", definition: "", files: [])
        #expect(
            BuildOrder(registration, version: 1, limits: limits)
                == BuildOrder(registration, version: 1, limits: limits))
        #expect(
            BuildOrder(registration, version: 1, limits: limits).randomSeed
                != BuildOrder(registration, version: 2, limits: limits).randomSeed)
    }
}
