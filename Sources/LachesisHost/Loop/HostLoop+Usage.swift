internal import LachesisWire

extension HostLoop {
    /// Measures some of the workers if that is due, and tells the daemon.
    func reportUsage() throws(HostError) {
        let group = usageRounds.next(of: workers.keys, now: now)
        arm(usageRounds.due)
        var usages: [WorkerUsage] = []
        for epoch in group {
            guard let pid = workers[epoch]?.pid, let usage = ProcessUsage(of: pid) else { continue }
            usages.append(
                WorkerUsage(epoch: epoch, memoryBytes: usage.memoryBytes, cpuSeconds: usage.cpuSeconds))
        }
        if !usages.isEmpty { try send(.usage(usages)) }
    }
}
