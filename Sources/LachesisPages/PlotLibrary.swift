internal import Foundation

/// dygraphs, as Debian's package libjs-dygraphs installs it; without it the pages have no plots, and say so.
package struct PlotLibrary: Sendable {
    /// Where libjs-dygraphs puts its files.
    package static let defaultFolder = "/usr/share/javascript/dygraphs"
    private static let names = ["dygraph.min.js", "dygraph.min.css"]

    /// By name; all or none.
    package let files: [String: StaticFile]
    /// Why there are none; nil if there are.
    package let problem: String?

    /// Reads the files into memory.
    package init(folder: String) {
        var files: [String: StaticFile] = [:]
        for name in Self.names {
            guard let content = FileManager.default.contents(atPath: "\(folder)/\(name)") else { continue }
            files[name] = StaticFile(name: name, content: Array(content))
        }
        let isWhole = files.count == Self.names.count
        self.files = isWhole ? files : [:]
        problem =
            isWhole
            ? nil
            : "'\(folder)' does not hold dygraphs: install Debian's package libjs-dygraphs, or give --dygraphs FOLDER"
    }
}
