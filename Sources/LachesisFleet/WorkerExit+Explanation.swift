internal import LachesisModel
internal import LachesisWire

extension WorkerExit {
    /// What happened, for the person who wrote the script.
    func explanation(_ order: WorkerOrder) -> String {
        var lines = [headline(order)]
        // What a library does when it gets no more memory or no thread may be to end the process without a word.
        if cause == .ended, status != 0 { lines.append("its limits were \(order.limits.summary)") }
        if !detail.isEmpty { lines.append(detail) }
        if !output.isEmpty { lines.append("The end of its output:\n\(output)") }
        return lines.joined(separator: "\n")
    }

    private func headline(_ order: WorkerOrder) -> String {
        switch cause {
        case .ended:
            switch status {
            case .some(let status) where status < 0:
                "the script's process was ended by signal \(-status)\(Self.name(of: -status))"
            case .some(let status): "the script ended its process with exit status \(status)"
            case nil: "the script's process ended"
            }
        case .buildTimeout:
            "the script gave no estimator within \(order.limits.buildSeconds) s (build_timeout) and was ended"
        case .buildCPUTime:
            "the script gave no estimator within \(order.limits.buildCPUSeconds) s of processor time "
                + "(build_cpu) and was ended"
        case .stepTimeout:
            "a step took longer than \(order.limits.stepSeconds) s (step_timeout); the process was ended"
        case .memoryLimit:
            "the script's process took more memory than it may (memory_mb, folder_mb) and was ended"
        case .machineMemory:
            "the machine had no memory left, and the kernel ended the script's process, which was within its limits"
        case .protocolViolation: "the script's process sent what no worker sends and was ended"
        case .notStarted: "the script's process could not be started"
        case .stopped: "the script's process was stopped"
        case .lost: "the process that hosts the script went away"
        }
    }

    private static func name(of signal: Int32) -> String {
        let names: [Int32: String] = [
            4: "SIGILL", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE", 9: "SIGKILL", 11: "SIGSEGV", 24: "SIGXCPU",
            25: "SIGXFSZ", 31: "SIGSYS",
        ]
        return names[signal].map { " (\($0))" } ?? ""
    }

    /// Whether the script is to blame, rather than the machinery around it.
    var isScriptsDoing: Bool {
        switch cause {
        case .ended, .buildTimeout, .buildCPUTime, .stepTimeout, .memoryLimit, .protocolViolation: true
        case .machineMemory, .notStarted, .stopped, .lost: false
        }
    }
}
