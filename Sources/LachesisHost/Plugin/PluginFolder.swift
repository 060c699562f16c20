internal import Glibc

/// A subfolder of the plugins' folder that holds a `plugin.toml`; its name is the plugin's.
struct PluginFolder: Equatable {
    let name: String
    let path: String

    /// All plugins, by name.
    /// - Throws: `HostError` `.configuration` if the folder cannot be read.
    static func all(in folder: String) throws(HostError) -> [PluginFolder] {
        guard let stream = opendir(folder) else {
            throw HostError(
                .configuration, "the plugins' folder \(folder) cannot be read: \(String(cString: strerror(errno)))")
        }
        defer { closedir(stream) }
        var found: [PluginFolder] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(validatingCString: $0) }
            }
            guard let name, !name.hasPrefix(".") else { continue }
            let path = "\(folder)/\(name)"
            if access("\(path)/plugin.toml", F_OK) == 0 { found.append(PluginFolder(name: name, path: path)) }
        }
        return found.sorted { $0.name < $1.name }
    }
}
