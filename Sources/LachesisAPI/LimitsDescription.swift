internal import LachesisModel

/// What a script or its worker is kept to, as it is told: an object whose keys say their units.
struct LimitsDescription {
    /// Limits that are nil are left out.
    private let members: [(key: String, number: Double?)]

    /// Those that a registration asked for.
    init(_ limits: ScriptLimits) {
        members = [
            ("memory_bytes", limits.memoryBytes.map(Double.init)),
            ("folder_bytes", limits.folderBytes.map(Double.init)), ("threads", limits.threads.map(Double.init)),
            ("build_seconds", limits.buildSeconds), ("build_cpu_seconds", limits.buildCPUSeconds),
            ("step_seconds", limits.stepSeconds), ("log_bytes", limits.logBytes.map(Double.init)),
            ("log_rate_bytes", limits.logRateBytes.map(Double.init)),
        ]
    }

    /// Those that a worker has, with the ones that no registration changes.
    init(_ limits: WorkerLimits) {
        members =
            Self(limits.script).members
            + [("cores", limits.cores), ("checkpoint_bytes", Double(limits.checkpointBytes))]
    }

    func write(to json: inout JSONWriter) {
        json.beginObject()
        for case (let key, let number?) in members {
            json.key(key)
            if let whole = Int(exactly: number) { json.integer(whole) } else { json.number(number) }
        }
        json.endObject()
    }
}
