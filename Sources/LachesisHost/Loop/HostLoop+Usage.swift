internal import LachesisWire

extension HostLoop {
    /// Measures a worker if that is due, and tells the daemon.
    func reportUsage() throws(HostError) {
        defer { arm(usageRounds.due) }
        guard let epoch = usageRounds.next(of: workers.keys, now: now) else { return }
        let began = monotonicNow()
        let usage = workers[epoch]?.pid.flatMap { ProcessUsage(of: $0) }
        usageRounds.measured(monotonicNow() - began, now: now)
        guard let usage else { return }
        try send(
            .usage([WorkerUsage(epoch: epoch, memoryBytes: usage.memoryBytes, cpuSeconds: usage.cpuSeconds)]))
    }
}
