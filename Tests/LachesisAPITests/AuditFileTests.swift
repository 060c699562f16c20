import Foundation
import Testing

@testable import LachesisAPI

@Suite struct AuditFileTests {
    /// Runs a test on the audit log of a folder of its own.
    private func withFile(_ body: (AuditFile, URL) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "audit-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try body(AuditFile(folder: folder.path), folder)
    }

    private func rotation(bytes: Int, older: Int) -> AuditLog.Configuration {
        var configuration = AuditLog.Configuration()
        (configuration.maxBytes, configuration.olderFiles) = (bytes, older)
        return configuration
    }

    /// Lines by file, newest file first.
    private func lines(_ folder: URL) throws -> [[String]] {
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        return try names.sorted().map { name in
            let text = try String(contentsOf: folder.appending(path: name), encoding: .utf8)
            #expect(text.hasSuffix("\n"))
            return text.split(separator: "\n").map(String.init)
        }
    }

    private func line(_ number: Int) -> [UInt8] { Array("line \(number + 100)\n".utf8) }

    @Test func aFileThatWouldGrowTooLargeMakesRoomAndNoLineIsSplitOrLost() throws {
        try withFile { file, folder in
            for number in 0..<10 { try file.append(line(number), rotation: rotation(bytes: 20, older: 9)) }
            let found = try lines(folder)
            #expect(found.allSatisfy { $0.count == 2 })
            #expect(found.reversed().flatMap(\.self) == (100..<110).map { "line \($0)" })
            for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
                let attributes = try FileManager.default.attributesOfItem(atPath: folder.appending(path: name).path)
                #expect(attributes[.posixPermissions] as? Int == 0o600)
            }
        }
    }

    @Test func theLastFilesAreKept() throws {
        try withFile { file, folder in
            for number in 0..<10 { try file.append(line(number), rotation: rotation(bytes: 9, older: 3)) }
            #expect(try lines(folder) == [["line 109"], ["line 108"], ["line 107"], ["line 106"]])
            try file.append(line(10), rotation: rotation(bytes: 9, older: 1))
            #expect(try lines(folder) == [["line 110"], ["line 109"]])
        }
    }

    @Test func aLineThatIsTooLongHasAFileToItself() throws {
        try withFile { file, folder in
            for number in 0..<3 { try file.append(line(number), rotation: rotation(bytes: 1, older: 5)) }
            #expect(try lines(folder) == [["line 102"], ["line 101"], ["line 100"]])
        }
    }

    @Test func commandsDoNotRotate() throws {
        try withFile { file, folder in
            for number in 0..<3 { try file.append(line(number)) }
            #expect(try lines(folder) == [["line 100", "line 101", "line 102"]])
        }
    }

    @Test func aRotationThatWasCutShortCostsNothing() throws {
        try withFile { file, folder in
            for number in 0..<4 { try file.append(line(number), rotation: rotation(bytes: 9, older: 3)) }
            // As after a crash between two renamings: number 1 is free.
            try FileManager.default.removeItem(at: folder.appending(path: "audit.jsonl.1"))
            try file.append(line(4), rotation: rotation(bytes: 9, older: 3))
            #expect(try lines(folder) == [["line 104"], ["line 103"], ["line 101"], ["line 100"]])
        }
    }

    @Test func aLineIsWrittenAlsoIfTheFileCannotBeRotated() throws {
        try withFile { file, folder in
            try file.append(line(0))
            let obstacle = folder.appending(path: "audit.jsonl.1/x")
            try FileManager.default.createDirectory(at: obstacle, withIntermediateDirectories: true)
            #expect(throws: AuditError.self) { try file.append(line(1), rotation: rotation(bytes: 9, older: 1)) }
            let text = try String(contentsOf: folder.appending(path: "audit.jsonl"), encoding: .utf8)
            #expect(text == "line 100\nline 101\n")
        }
    }

    @Test func whatWasCutShortIsEndedFirst() throws {
        try withFile { file, folder in
            try Data("half".utf8).write(to: folder.appending(path: "audit.jsonl"))
            try file.append(line(0), rotation: rotation(bytes: 100, older: 1))
            #expect(try lines(folder) == [["half", "line 100"]])
        }
    }
}
