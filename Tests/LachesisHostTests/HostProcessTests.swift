import Foundation
import LachesisModel
import LachesisWire
import Testing

@testable import LachesisHost

/// Real processes: host, zygote, workers.
@Suite(.serialized, .enabled(if: RunningHost.isPossible), .timeLimit(.minutes(2)))
struct HostProcessTests {
    private func readyHost(_ plugins: [String: String] = ["tiny": ""]) throws -> RunningHost {
        let host = try RunningHost(plugins: plugins)
        _ = try host.awaitPlugin("tiny", .ready)
        return host
    }

    private func waitUntil(_ condition: () throws -> Bool) rethrows -> Bool {
        for _ in 0..<200 {
            if try condition() { return true }
            usleep(10_000)
        }
        return false
    }

    @Test func aWorkerIsStartedBuiltFedAndStoppedAndLeavesNothing() throws {
        let host = try readyHost()
        defer { host.end() }
        let before = host.openDescriptors
        let file = [UInt8]("content".utf8)
        try host.start(1)
        try host.send(.deliver(1, .file, [5, 0] + Array("a.txt".utf8) + file))
        let script = "print(open('a.txt').read(), flush=True)"
        try host.send(.deliver(1, .build, Array(JSONSerialization.data(withJSONObject: ["definition": script]))))
        let pid = try host.awaitStarted(1)
        #expect(try host.awaitMessage(1).kind == .ready)
        for _ in 0..<10 { try host.deliver(1, records: 256) }
        for _ in 0..<10 {
            let (kind, payload) = try host.awaitMessage(1)
            #expect(kind == .result)
            #expect(try ResultAnswer.recordCount(of: payload) == 256)
        }
        try host.send(.stop(1))
        let exit = try host.awaitExit(1)
        #expect(exit.cause == .stopped)
        #expect(exit.output == "content\n")
        #expect(!RunningHost.isAlive(pid))
        #expect(try waitUntil { try host.workFolders().isEmpty })
        #expect(host.openDescriptors == before)
        #expect(host.end() < .seconds(2))
        #expect(host.process.terminationStatus == 0)
    }

    @Test func aLargeFileArrivesWhole() throws {
        let host = try readyHost()
        defer { host.end() }
        let content = (0..<(5 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 13) }
        try host.start(1)
        try host.send(.deliver(1, .file, [1, 0] + Array("f".utf8) + content))
        let script = "import zlib; print(zlib.crc32(open('f', 'rb').read()), flush=True)"
        try host.send(.deliver(1, .build, Array(JSONSerialization.data(withJSONObject: ["definition": script]))))
        #expect(try host.awaitMessage(1).kind == .ready)
        try host.send(.stop(1))
        #expect(try host.awaitExit(1).output == "\(crc32(content))\n")
    }

    @Test func aWorkerInheritsNothing() throws {
        // With /proc, to look at what the sandbox would hide.
        let host = try RunningHost(
            environment: ["LACHESIS_TEST_SECRET": "secret"], without: [.namespaces, .landlock, .identity])
        defer { host.end() }
        _ = try host.awaitPlugin("tiny", .ready)
        let script = """
            import os, signal
            kinds = [os.readlink(f"/proc/self/fd/{number}").split(":")[0] for number in range(4)]
            names = os.listdir("/proc/self/fd")
            print(kinds, len(names) - 1, os.getcwd() == os.environ["HOME"], sorted(os.environ))
            blocked, threads = signal.pthread_sigmask(signal.SIG_BLOCK, []), os.listdir("/proc/self/task")
            print(os.getsid(0) == os.getpid(), blocked, len(threads), open("/proc/self/comm").read())
            print(next(line for line in open("/proc/self/status") if line.startswith("NoNewPrivs")))
            print(b"LACHESIS_TEST_SECRET" in open("/proc/self/environ", "rb").read(), flush=True)
            """
        try host.start(1, script: script)
        _ = try host.awaitMessage(1)
        try host.send(.stop(1))
        let output = try host.awaitExit(1).output
        #expect(output.hasPrefix("['/dev/null', 'pipe', 'pipe', 'socket'] 4 True "), "\(output)")
        #expect(output.contains("True set() 1 lachesis-worker"), "\(output)")
        #expect(output.contains("NoNewPrivs:\t1"))
        #expect(output.contains("False") && !output.contains("SECRET"))
    }

    @Test(arguments: [
        ("import os; os._exit(7)", WorkerExit.Cause.ended, Int32?(7)),
        ("import os; os.abort()", .ended, -11),
        ("import ctypes; ctypes.string_at(0)", .ended, -11),
        ("import sys; sys.exit(3)", .ended, 70),
        ("import time; time.sleep(60)", .buildTimeout, -9),
        ("import time\ndef step(n): time.sleep(60)", .stepTimeout, -9),
        ("channel.send(55)", .protocolViolation, -9),
        ("channel.send(131, b'')", .protocolViolation, -9),
        ("channel.socket.send(b'xx')", .protocolViolation, -9),
        ("channel.socket.send(b'x' * 70000)", .protocolViolation, -9),
        ("channel.socket.close()\nimport time; time.sleep(60)", .protocolViolation, -9),
        ("def step(n): channel.result(n + 1)", .protocolViolation, -9),
        ("def step(n):\n    while True: channel.ready()", .protocolViolation, -9),
        (
            "import signal\nfor n in range(1, 32):\n  if n not in (9, 19): signal.signal(n, signal.SIG_IGN)\nwhile True: pass",
            .buildTimeout, -9
        ),
    ])
    func aScriptThatMisbehavesEndsAloneAndIsExplained(script: String, cause: WorkerExit.Cause, status: Int32?) throws {
        let host = try readyHost()
        defer { host.end() }
        try host.start(1, script: "print('here', flush=True)")
        try host.start(2, script: "print('here', flush=True)\n" + script, build: 0.5, step: 0.1)
        #expect(try host.awaitMessage(1).kind == .ready)
        if script.contains("def step") {
            #expect(try host.awaitMessage(2).kind == .ready)
            try host.deliver(2, records: 3)
        }
        let exit = try host.awaitExit(2)
        #expect(exit.cause == cause)
        #expect(exit.status == status)
        #expect(exit.output.hasPrefix("here\n"))
        try host.deliver(1, records: 5)
        #expect(try host.awaitMessage(1).kind == .result)
    }

    @Test func theLastWordsOfAScriptThatFailsArriveBeforeItsEnd() throws {
        let host = try readyHost()
        defer { host.end() }
        // Large, so that it takes many packets, and what the daemon sends goes unread.
        for epoch in 1...10 {
            try host.start(Epoch(epoch), script: "channel.failed('x' * 390_000); import os; os._exit(0)")
        }
        for epoch in 1...10 {
            let (kind, payload) = try host.awaitMessage(Epoch(epoch))
            #expect(kind == .failed)
            #expect(payload.count > 390_000)
            let exit = try host.awaitExit(Epoch(epoch))
            #expect(exit.cause == .ended && exit.status == 0)
        }
    }

    @Test func floodsKeepNobodyWaiting() throws {
        let host = try readyHost()
        defer { host.end() }
        try host.start(1, script: "import os\nwhile True: os.write(1, b'x' * 65536)")
        try host.start(
            2,
            script: "ready = False\nwhile True: channel.socket.send(bytes([0, 0, 0, 4, 130, 1, 0, 0]) + b'x' * 60000)")
        try host.start(3, script: "")
        #expect(try host.awaitMessage(3).kind == .ready)
        for _ in 0..<20 {
            let start = monotonicNow()
            try host.deliver(3, records: 1)
            _ = try host.awaitMessage(3)
            #expect(monotonicNow() - start < .seconds(1))
        }
        #expect(try host.awaitExit(2).cause == .protocolViolation)
        try host.send(.stop(1))
        #expect(try host.awaitExit(1).output.utf8.count < 20_000)
    }

    @Test func whatAWorkerStartedEndsWithIt() throws {
        // Where it can start something at all.
        let host = try RunningHost(without: SandboxLayer.allCases)
        defer { host.end() }
        _ = try host.awaitPlugin("tiny", .ready)
        let script = """
            import os, subprocess
            child = subprocess.Popen(["sleep", "1000"])
            escaped = subprocess.Popen(["sleep", "1000"], start_new_session=True)
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    open("grandchild", "w").write(str(os.getpid()))
                    while True: os.sched_yield()
                os._exit(0)
            os.wait()
            print(child.pid, escaped.pid, flush=True)
            """
        try host.start(1, script: script)
        _ = try host.awaitMessage(1)
        try host.send(.stop(1))
        let pids = try host.awaitExit(1).output.split(whereSeparator: \.isWhitespace).compactMap { Int32($0) }
        #expect(pids.count == 2)
        #expect(waitUntil { pids.allSatisfy { !RunningHost.isAlive($0) } })
        #expect(try waitUntil { try host.workFolders().isEmpty })
    }

    @Test func fiftyWorkersStartAtOnceAndStopAtOnce() throws {
        let host = try readyHost()
        defer { host.end() }
        let before = host.openDescriptors
        for epoch in 1...50 { try host.start(Epoch(epoch), script: "") }
        for epoch in 1...50 { #expect(try host.awaitMessage(Epoch(epoch)).kind == .ready) }
        for epoch in 1...50 { try host.send(.stop(Epoch(epoch))) }
        for epoch in 1...50 { #expect(try host.awaitExit(Epoch(epoch)).cause == .stopped) }
        #expect(try waitUntil { try host.workFolders().isEmpty })
        #expect(host.openDescriptors == before)
    }

    @Test func aZygoteThatDiesTakesItsWorkersAlongAndIsStartedAgain() throws {
        let host = try readyHost(["tiny": "", "other": ""])
        defer { host.end() }
        _ = try host.awaitPlugin("other", .ready)
        try host.start(1, script: "")
        try host.start(2, script: "", plugin: "other")
        let pid = try host.awaitStarted(1)
        _ = try host.awaitMessage(1)
        _ = try host.awaitMessage(2)
        let stat = try String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)
        let zygote = try #require(
            stat.split(separator: ")").last?.split(separator: " ").dropFirst().first.flatMap { Int32($0) })
        kill(zygote, SIGKILL)
        #expect(try host.awaitExit(1).cause == .lost)
        #expect(waitUntil { !RunningHost.isAlive(pid) })
        // Ordered while there is no zygote: it waits.
        try host.start(3, script: "")
        #expect(try host.awaitMessage(3).kind == .ready)
        try host.deliver(2, records: 1)
        #expect(try host.awaitMessage(2).kind == .result, "the other plugin's worker goes on")
    }

    @Test func pluginsThatCannotRunSayWhyAndDisturbNobody() throws {
        let host = try RunningHost(plugins: [
            "tiny": "", "missing": "import nonesuch_module", "crashing": "os.write(2, b'last words'); os.abort()",
            "threaded": "threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()",
        ])
        defer { host.end() }
        let names = try host.report("hello") {
            if case .hello(_, let plugins, _) = $0 { plugins.map(\.name) } else { nil }
        }
        #expect(names == ["crashing", "missing", "threaded", "tiny"])
        #expect(
            try host.awaitPlugin("missing", .failed).detail == "ModuleNotFoundError: No module named 'nonesuch_module'")
        let crash = try #require(try host.awaitPlugin("crashing", .failed).detail)
        #expect(crash.hasPrefix("it was ended by signal 11: last words"))
        #expect(try host.awaitPlugin("threaded", .failed).detail?.contains("left threads running (1)") == true)
        _ = try host.awaitPlugin("tiny", .ready)
        try host.start(1, plugin: "missing")
        try host.start(2, plugin: "nonesuch")
        try host.start(3, script: "")
        let refused = WorkerExit(.notStarted, detail: "ModuleNotFoundError: No module named 'nonesuch_module'")
        #expect(try host.awaitExit(1) == refused)
        #expect(try host.awaitExit(2) == WorkerExit(.notStarted, detail: "there is no plugin 'nonesuch'"))
        #expect(try host.awaitMessage(3).kind == .ready)
    }

    @Test func startsThatComeBeforeTheZygoteIsWarmWait() throws {
        let host = try RunningHost(plugins: ["tiny": "time.sleep(0.5)"])
        defer { host.end() }
        _ = try host.report("hello") { if case .hello = $0 { true } else { nil } }
        try host.start(1, script: "")
        try host.start(2, script: "")
        try host.send(.stop(2))
        #expect(try host.awaitExit(2) == WorkerExit(.stopped))
        #expect(try host.awaitMessage(1).kind == .ready)
    }

    @Test(arguments: [SIGTERM, SIGKILL])
    func nothingOutlivesAHost(signal: Int32) throws {
        let host = try readyHost()
        defer { host.end() }
        try host.start(1, script: "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)")
        let pid = try host.awaitStarted(1)
        _ = try host.awaitMessage(1)
        let start = monotonicNow()
        kill(host.process.processIdentifier, signal)
        host.process.waitUntilExit()
        #expect(monotonicNow() - start < .seconds(2))
        #expect(waitUntil { !RunningHost.isAlive(pid) })
        if signal == SIGTERM {
            #expect(host.process.terminationStatus == 0)
            #expect(try host.awaitExit(1).cause == .stopped)
            #expect(try host.workFolders().isEmpty)
        }
    }
}

/// CRC-32 as zlib has it.
private func crc32(_ bytes: [UInt8]) -> UInt32 {
    let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { value, _ in value & 1 == 1 ? 0xEDB8_8320 ^ (value >> 1) : value >> 1 }
    }
    return ~bytes.reduce(~UInt32(0)) { table[Int(UInt8(truncatingIfNeeded: $0) ^ $1)] ^ ($0 >> 8) }
}
