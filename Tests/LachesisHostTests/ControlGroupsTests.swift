import Foundation
import LachesisModel
import LachesisWire
import Testing

@testable import LachesisHost

/// Real groups and processes, where this machine lets them be made; elsewhere the reason is asked for.
@Suite(.serialized, .timeLimit(.minutes(2))) struct ControlGroupsTests {
    /// A process that begins when told.
    private final class Subject {
        let process = Process()
        private let input = Pipe()

        init(_ script: String) throws {
            process.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
            process.arguments = ["-c", "input()\n" + script]
            process.standardInput = input
            process.standardError = FileHandle.nullDevice
            try process.run()
        }

        /// Lets it begin, and waits for its end.
        func finish() throws {
            try input.fileHandleForWriting.write(contentsOf: Data("\n".utf8))
            process.waitUntilExit()
        }
    }

    private var limits: WorkerLimits {
        var limits = WorkerLimits(ScriptLimits(), within: Limits())
        (limits.memoryBytes, limits.folderBytes, limits.threads, limits.cores) = (1 << 20, 1 << 20, 5, 0.1)
        return limits
    }

    /// Runs a script in a group of its own.
    /// - Parameters:
    ///   - prepare: what to do with the groups' folders before it begins.
    ///   - body: what to look at before the group goes.
    private func run(
        _ script: String, needs controller: String, prepare: ([String]) -> Void = { _ in },
        _ body: (Subject, borrowing ControlGroups) throws -> Void
    ) throws {
        var groups = ControlGroups()
        guard groups.report.controllers.contains(controller) else {
            let detail = groups.report.detail
            #expect(detail?.contains(controller) == true)
            return
        }
        let subject = try Subject(script)
        let failure = groups.take(subject.process.processIdentifier, as: "worker-1", limits: limits)
        #expect(failure == nil)
        let folders = try groupFolders(of: subject.process.processIdentifier)
        #expect(!folders.isEmpty)
        prepare(folders)
        try subject.finish()
        try body(subject, groups)
        groups.remove("worker-1")
        let hasDoomed = groups.hasDoomed
        #expect(!hasDoomed)
        groups.removeAll()
        for folder in folders { #expect(!folder.contains("lachesis-\(getpid())") || access(folder, F_OK) != 0) }
    }

    private func groupFolders(of pid: Int32) throws -> [String] {
        let mounts = ControlGroupMounts(
            mounts: KernelFile.read("/proc/self/mountinfo") ?? "", groups: KernelFile.read("/proc/\(pid)/cgroup") ?? "")
        return mounts.hierarchies.map(\.folder).filter { $0.hasSuffix("/lachesis-\(getpid())/worker-1") }
    }

    @Test func whoTakesTooMuchMemoryIsEndedAndTheGroupKnowsWhy() throws {
        try run("x = bytearray(b'x') * (600 << 20)", needs: "memory") { subject, groups in
            #expect(
                subject.process.terminationReason == .uncaughtSignal && subject.process.terminationStatus == SIGKILL)
            let shortage = groups.memoryShortage("worker-1")
            #expect(shortage == .ofWorker)
        }
    }

    @Test func whoTakesWhatItMayIsNot() throws {
        try run("x = bytearray(b'x') * (100 << 20)", needs: "memory") { subject, groups in
            #expect(subject.process.terminationReason == .exit && subject.process.terminationStatus == 0)
            let shortage = groups.memoryShortage("worker-1")
            #expect(shortage == nil)
        }
    }

    @Test func whoIsEndedBecauseAGroupAboveHasNoMoreIsNotToBlame() throws {
        func limitGroupsAbove(_ folders: [String]) {
            for folder in folders {
                for file in ["memory.max", "memory.limit_in_bytes"] {
                    _ = KernelFile.write("\(100 << 20)", to: "\(folder.dropLast("/worker-1".count))/\(file)")
                }
            }
        }
        try run("x = bytearray(b'x') * (200 << 20)", needs: "memory", prepare: limitGroupsAbove) { subject, groups in
            #expect(
                subject.process.terminationReason == .uncaughtSignal && subject.process.terminationStatus == SIGKILL)
            let shortage = groups.memoryShortage("worker-1")
            #expect(shortage == .ofMachine)
        }
    }

    @Test func threadsAndProcessesAreCountedTogether() throws {
        let script = """
            import os, threading, time
            count = 1
            try:
                for _ in range(2):
                    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
                    count += 1
                while count < 20:
                    child = os.fork()
                    if child == 0:
                        time.sleep(60)
                    children.append(child)
                    count += 1
            except OSError:
                for child in children:
                    os.kill(child, 9)
                    os.wait()
                os._exit(count)
            """
        try run("children = []\n" + script, needs: "pids") { subject, _ in
            #expect(subject.process.terminationStatus == 5)
        }
    }

    @Test func processorTimeIsKeptBack() throws {
        let script = "import time\nend = time.process_time() + 0.2\nwhile time.process_time() < end: pass"
        var groups = ControlGroups()
        guard groups.report.controllers.contains("cpu") else {
            let detail = groups.report.detail
            #expect(detail?.contains("cpu") == true)
            return
        }
        let subject = try Subject(script)
        let failure = groups.take(subject.process.processIdentifier, as: "worker-1", limits: limits)
        #expect(failure == nil)
        let folders = try groupFolders(of: subject.process.processIdentifier)
        try subject.finish()
        #expect(folders.contains { KernelFile.value("nr_throttled", in: $0 + "/cpu.stat") ?? 0 > 0 })
        groups.remove("worker-1")
        groups.removeAll()
    }

    @Test func whatAHostThatWasKilledLeftBehindIsRemoved() throws {
        let first = ControlGroups()
        let report = first.report
        guard !report.controllers.isEmpty else { return #expect(report.detail != nil) }
        let subject = try Subject("")
        let pid = subject.process.processIdentifier
        let failure = first.take(pid, as: "worker-1", limits: limits)
        #expect(failure == nil)
        let own = try groupFolders(of: pid).map { $0.replacingOccurrences(of: "/worker-1", with: "") }
        try subject.finish()
        // As if this process's groups were those of one that has ended.
        let dead = own.map { $0.replacingOccurrences(of: "lachesis-\(getpid())", with: "lachesis-\(pid)") }
        for folder in dead { #expect(mkdir(folder, 0o700) == 0 && mkdir(folder + "/worker-7", 0o700) == 0) }
        var second = ControlGroups()
        for folder in dead { #expect(access(folder, F_OK) != 0) }
        second.removeAll()
        for folder in own { #expect(access(folder, F_OK) != 0) }
    }

    @Test func aProcessThatCannotBeToldFromOthersIsRefusedAndOneThatHasEndedIsNot() throws {
        var groups = ControlGroups()
        let report = groups.report
        guard !report.controllers.isEmpty else { return #expect(report.detail != nil) }
        let refusal = groups.take(0, as: "worker-1", limits: limits)
        #expect(refusal?.contains("cannot be told") == true)
        let subject = try Subject("")
        try subject.finish()
        let failure = groups.take(subject.process.processIdentifier, as: "worker-2", limits: limits)
        #expect(failure == nil)
        groups.remove("worker-2")
        groups.removeAll()
    }
}
