import Foundation
import Testing

@testable import LachesisHost

@Suite struct RuntimeFolderTests {
    private let base = FileManager.default.temporaryDirectory.appending(path: "lachesis-runtime-\(UUID().uuidString)")
        .path

    private func sweepAll(_ folder: inout RuntimeFolder) {
        for _ in 0..<10_000 where folder.hasSweeps { folder.sweep() }
    }

    @Test func workFoldersAreRemovedHoweverAScriptLeftThem() throws {
        var runtime = try RuntimeFolder(in: base)
        let path = try runtime.make("worker-1")
        let files = FileManager.default
        // Deeper than any path can name.
        let script = """
            import os, sys
            os.chdir(sys.argv[1])
            for name in range(1000): open(f"file-{name}", "w").close()
            os.mkfifo("pipe"); os.symlink("/etc", "outside"); open(b"\\xff\\xfe", "w").close()
            os.makedirs("locked/inner"); open("locked/inner/file", "w").close()
            os.chmod("locked/inner", 0o500); os.chmod("locked", 0)
            for _ in range(3000): os.mkdir("deep"); os.chdir("deep")
            """
        let python = Process()
        python.executableURL = URL(filePath: "/usr/bin/python3")
        python.arguments = ["-c", script, path]
        try python.run()
        python.waitUntilExit()
        #expect(python.terminationStatus == 0)
        runtime.doom("worker-1")
        sweepAll(&runtime)
        #expect(!files.fileExists(atPath: path))
        #expect(files.fileExists(atPath: "/etc/passwd"))
        runtime.removeAll(until: monotonicNow() + .seconds(5))
        #expect(try files.contentsOfDirectory(atPath: base).isEmpty)
        try files.removeItem(atPath: base)
    }

    @Test func aSymbolicLinkInPlaceOfAWorkFolderIsNotFollowed() throws {
        var runtime = try RuntimeFolder(in: base)
        let target = base + "/precious"
        try FileManager.default.createDirectory(atPath: target, withIntermediateDirectories: true)
        try Data().write(to: URL(filePath: target + "/file"))
        try FileManager.default.createSymbolicLink(atPath: runtime.path + "/worker-1", withDestinationPath: target)
        runtime.doom("worker-1")
        sweepAll(&runtime)
        #expect(runtime.hasSweeps == false)
        #expect(FileManager.default.fileExists(atPath: target + "/file"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: runtime.path).isEmpty)
        try FileManager.default.removeItem(atPath: base)
    }

    @Test func whatADeadHostLeftIsRemovedAndWhatALivingOneHasIsNot() throws {
        let living = try RuntimeFolder(in: base)
        let kept = try living.make("worker-1")
        let dead = base + "/run-abandoned"
        try FileManager.default.createDirectory(atPath: dead + "/worker-9", withIntermediateDirectories: true)
        var next = try RuntimeFolder(in: base)
        sweepAll(&next)
        #expect(!FileManager.default.fileExists(atPath: dead))
        #expect(FileManager.default.fileExists(atPath: kept))
        #expect(living.path != next.path)
        try FileManager.default.removeItem(atPath: base)
    }

    @Test func aFolderThatOthersCanWriteIntoIsRefused() throws {
        try FileManager.default.createDirectory(
            atPath: base, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o777])
        #expect(throws: HostError.self) { _ = try RuntimeFolder(in: base) }
        try FileManager.default.removeItem(atPath: base)
    }
}
