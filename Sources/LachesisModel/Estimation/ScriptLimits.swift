/// What a registration asks that its script be limited to; nil leaves a limit as the server has it.
package struct ScriptLimits: Sendable, Equatable, Codable {
    /// Bytes of memory beyond what all workers share.
    package var memoryBytes: Int?
    /// Bytes of the work folder.
    package var folderBytes: Int?
    package var threads: Int?
    /// How long the script may take until its estimator is ready, s.
    package var buildSeconds: Double?
    /// Processor time of all its threads that the script may take until then, s.
    package var buildCPUSeconds: Double?
    /// How long one step may take, s.
    package var stepSeconds: Double?
    /// Bytes of the script's output that are kept.
    package var logBytes: Int?
    /// Bytes of the script's output that are kept of one second, and of what comes at once.
    package var logRateBytes: Int?

    package init() {}
}

/// What a worker is kept to: the server's limits, or less where its registration asked for less.
package struct WorkerLimits: Sendable, Equatable, Codable {
    package var memoryBytes: Int
    package var folderBytes: Int
    package var threads: Int
    /// Processors that it may keep busy.
    package var cores: Double
    package var buildSeconds: Double
    package var buildCPUSeconds: Double
    package var stepSeconds: Double
    package var logBytes: Int
    package var logRateBytes: Int
    package var checkpointBytes: Int

    package init(_ wanted: ScriptLimits, within limits: Limits) {
        memoryBytes = min(wanted.memoryBytes ?? .max, limits.memoryBytes)
        folderBytes = min(wanted.folderBytes ?? .max, limits.folderBytes)
        threads = min(wanted.threads ?? .max, limits.threads)
        cores = limits.cores
        buildSeconds = min(wanted.buildSeconds ?? .infinity, limits.buildTime / .seconds(1))
        buildCPUSeconds = min(wanted.buildCPUSeconds ?? .infinity, limits.buildCPUTime / .seconds(1))
        stepSeconds = min(wanted.stepSeconds ?? .infinity, limits.stepTime / .seconds(1))
        logBytes = min(wanted.logBytes ?? .max, limits.logBytes)
        logRateBytes = min(wanted.logRateBytes ?? .max, limits.logRateBytes)
        checkpointBytes = limits.checkpointBytes
    }

    /// Those that a registration can ask for.
    package var script: ScriptLimits {
        var script = ScriptLimits()
        (script.memoryBytes, script.folderBytes, script.threads) = (memoryBytes, folderBytes, threads)
        (script.buildSeconds, script.buildCPUSeconds, script.stepSeconds) = (buildSeconds, buildCPUSeconds, stepSeconds)
        (script.logBytes, script.logRateBytes) = (logBytes, logRateBytes)
        return script
    }

    /// What a process may meet without the host's doing, for people.
    package var summary: String {
        "\(memoryBytes >> 20) MiB of memory (memory_mb), \(folderBytes >> 20) MiB of files (folder_mb) and "
            + "\(threads) threads (threads)"
    }

    private enum CodingKeys: String, CodingKey {
        case memoryBytes = "memory_bytes"
        case folderBytes = "folder_bytes"
        case threads
        case cores
        case buildSeconds = "build_seconds"
        case buildCPUSeconds = "build_cpu_seconds"
        case stepSeconds = "step_seconds"
        case logBytes = "log_bytes"
        case logRateBytes = "log_rate_bytes"
        case checkpointBytes = "checkpoint_bytes"
    }
}
