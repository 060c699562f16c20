internal import Glibc
internal import LachesisMessaging
internal import LachesisWire

extension HostLoop {
    /// Ends all workers and zygotes, and removes their folders, within `HostConfiguration.shutdownTime`.
    func shutDown() {
        let time = configuration.shutdownTime.base + configuration.shutdownTime.perWorker * workers.count
        let deadline = monotonicNow() + time
        // The daemon may have gone; what is said here is for one that has not.
        for epoch in workers.keys {
            _ = try? socket.send(HostReport.exited(epoch, WorkerExit(.stopped, detail: "its host ends")).encoded)
        }
        workers.removeAll()
        // A zygote whose control connection closes kills its workers and ends.
        for zygote in zygotes.values { zygote.closeControl() }
        // Two waits of this leave a quarter for the folders.
        let patience = time * 3 / 8
        reapChildren(until: monotonicNow() + patience)
        for zygote in zygotes.values where zygote.pid != nil { zygote.kill() }
        reapChildren(until: monotonicNow() + patience)
        groups.removeAll()
        runtime.removeAll(until: deadline)
    }

    /// Waits for all children to end; those that are no zygotes are killed.
    private func reapChildren(until deadline: Duration) {
        while true {
            while let child = EndedChild.next() { zygotes.values.first { $0.pid == child.pid }?.ended() }
            let known = Set(zygotes.values.compactMap(\.pid))
            killStrays { known.contains($0) }
            if !hasChildren() || monotonicNow() >= deadline { return }
            usleep(2_000)
        }
    }

    private func hasChildren() -> Bool {
        var info = siginfo_t()
        return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 || errno != ECHILD
    }
}
