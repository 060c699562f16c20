internal import Glibc
package import LachesisModel

/// Where a host finds what it runs, and its bounds.
package struct HostConfiguration: Sendable {
    /// ZeroMQ address of the daemon, such as `ipc:///run/lachesis/hub`.
    package var endpoint: String
    /// Folder whose subfolders with a `plugin.toml` are the plugins.
    package var plugins: String
    /// The Python program of the virtual environment whose packages the workers import.
    package var python: String
    /// Folder that contains the package `lachesis_worker`.
    package var workerPath: String
    /// Folder for what lives no longer than the host; nil takes a folder below `/tmp` that only this user can read.
    package var runtime: String?
    /// Layers of the sandbox that workers go without. Default none.
    package var missingLayers: Set<SandboxLayer> = []
    /// How long a plugin's packages may take to import. Default 120 s.
    package var warmTime = Duration.seconds(120)
    /// How long a zygote may take to answer an order to fork. Default 10 s.
    package var forkTime = Duration.seconds(10)
    /// How long everything may take that happens after the daemon has gone or asked for the end, without workers and for each of
    /// them. Default 2 s and 8 ms.
    package var shutdownTime = (base: Duration.seconds(2), perWorker: Duration.milliseconds(8))
    /// Bytes of all messages together that workers have begun and not ended; a worker whose message has no room is not read until
    /// there is. At least the largest message's, 64 MiB. Default 256 MiB.
    package var unfinishedBytes = 256 << 20
    /// How long a worker may take from the beginning of a message to its end. Default 30 s.
    package var messageTime = Duration.seconds(30)
    /// Starts that wait for one plugin's zygote; further ones are answered with `notStarted`. Default 4,096.
    package var heldStarts = 4096

    package init(endpoint: String, plugins: String, python: String, workerPath: String, runtime: String?) {
        (self.endpoint, self.plugins, self.python) = (endpoint, plugins, python)
        (self.workerPath, self.runtime) = (workerPath, runtime)
    }

    /// The same, with paths that hold in any folder: zygotes run in one of their own. Symbolic links stay, as a virtual
    /// environment's Python is one.
    var withAbsolutePaths: HostConfiguration {
        guard let current = getcwd(nil, 0) else { return self }
        defer { free(current) }
        let folder = String(cString: current)
        func absolute(_ path: String) -> String { path.hasPrefix("/") ? path : "\(folder)/\(path)" }
        var copy = self
        (copy.plugins, copy.python, copy.workerPath) = (absolute(plugins), absolute(python), absolute(workerPath))
        copy.runtime = runtime.map(absolute)
        return copy
    }
}
