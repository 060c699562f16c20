package import LachesisModel
package import Logging
internal import Subprocess
internal import SystemPackage

/// Keeps this machine's host running: starts it, and starts it again when it ends.
package struct LocalHost: Sendable {
    package struct Configuration: Sendable {
        /// Path of the `lachesis-host` program.
        package var executable: String
        /// Folder whose subfolders are the plugins.
        package var plugins: String
        /// The Python program of the virtual environment whose packages the workers import.
        package var python: String
        /// Folder that contains the package `lachesis_worker`.
        package var workerPath: String
        /// Folder for what lives no longer than the host.
        package var runtime: String
        /// Layers of the sandbox that workers go without. Default none.
        package var missingLayers: [SandboxLayer] = []
        /// Bytes of all messages together that workers have begun and not ended; at least 64 MiB. Default 256 MiB.
        package var unfinishedBytes = 256 << 20
        /// How long a worker may take from the beginning of a message to its end. Default 30 s.
        package var messageTime = Duration.seconds(30)
        /// How long it may take to end, and all its workers with it, before it is killed. Default 3 s.
        package var endTime = Duration.seconds(3)
        /// Whether it logs lines of JSON. Default false.
        package var logsJSON = false

        package init(executable: String, plugins: String, python: String, workerPath: String, runtime: String) {
            (self.executable, self.plugins, self.python) = (executable, plugins, python)
            (self.workerPath, self.runtime) = (workerPath, runtime)
        }
    }

    /// Looks, one a second, that may find no word from a host although it is asked every second: one that is stopped or stuck is
    /// replaced. Looks are counted and not time, which passes for a machine that sleeps, too.
    static let patience = 15

    private let configuration: Configuration
    private let endpoint: String
    private let roster: HostRoster
    private let logger: Logger

    package init(_ configuration: Configuration, endpoint: String, roster: HostRoster, logger: Logger) {
        (self.configuration, self.endpoint, self.roster, self.logger) = (configuration, endpoint, roster, logger)
    }

    /// Returns when cancelled, after the host and with it all workers have ended.
    package func run() async {
        var delay = RestartPolicy.firstDelay
        while !Task.isCancelled {
            let started = ContinuousClock.now
            do {
                let status = try await runOnce()
                guard !Task.isCancelled else { return }
                logger.error("the host ended", metadata: ["status": "\(status)"])
            } catch {
                guard !Task.isCancelled else { return }
                logger.error("the host cannot be started", metadata: ["error": "\(error)"])
            }
            // A host that ran for a while gets a fresh start.
            if ContinuousClock.now - started > .seconds(60) { delay = RestartPolicy.firstDelay }
            try? await Task.sleep(for: delay)
            delay = min(delay * 2, RestartPolicy.longestDelay)
        }
    }

    /// The host ends when its standard input does, and it never reads from it: so it ends even if this process is killed.
    private func runOnce() async throws -> TerminationStatus {
        var options = PlatformOptions()
        options.teardownSequence = [.send(signal: .terminate, allowedDurationToNextStep: configuration.endTime)]
        let result = try await Subprocess.run(
            .path(FilePath(configuration.executable)),
            arguments: Arguments(
                [
                    "host", "--connect", endpoint, "--plugins", configuration.plugins, "--python", configuration.python,
                    "--worker-path", configuration.workerPath, "--runtime", configuration.runtime,
                    "--max-unfinished-mb", "\(configuration.unfinishedBytes >> 20)",
                    "--message-timeout", "\(configuration.messageTime / .seconds(1))",
                ] + (configuration.logsJSON ? ["--log-json"] : [])
                    + configuration.missingLayers.flatMap { ["--sandbox-without", $0.rawValue] }),
            platformOptions: options, input: .inputWriter, output: .sequence, error: .currentStandardError
        ) { execution in
            // The host writes nothing here: the sequence ends when it does.
            defer { roster.hostEnded(pid: execution.processIdentifier.value) }
            try await withThrowingTaskGroup { group in
                group.addTask { for try await _ in execution.standardOutput {} }
                group.addTask {
                    try await waitForSilence(of: execution.processIdentifier.value)
                    try execution.send(signal: .kill)
                }
                try await group.next()
                group.cancelAll()
            }
        }
        return result.terminationStatus
    }

    /// Returns once the host has said nothing for too long.
    private func waitForSilence(of pid: Int32) async throws {
        var (heard, silentLooks) = (roster.lastHeard(pid: pid), 0)
        while silentLooks < Self.patience {
            try await Task.sleep(for: .seconds(1))
            let latest = roster.lastHeard(pid: pid)
            silentLooks = latest == heard ? silentLooks + 1 : 0
            heard = latest
        }
        logger.error("the host does not answer and is killed", metadata: ["pid": "\(pid)"])
    }
}
