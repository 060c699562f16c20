internal import CSandbox
internal import Glibc
package import LachesisModel
internal import LachesisWire

/// A process that has imported a plugin's packages and run its example, if there is one, and since then does one thing: fork workers,
/// end them on order, and tell how they ended.
///
/// Single-threaded, without secrets: workers see its memory. It ends, and its workers with it, when the host's end of
/// the control connection closes.
package struct Zygote {
    private let control = Int32(lachesis_inherited_socket)
    private let interpreter: Interpreter
    private let sandbox: Sandbox
    private var epochs: [Int32: Epoch] = [:]
    private var pids: [Epoch: Int32] = [:]
    private var spare: SpareWorker?
    /// Whether to make one when there is nothing else to do: at first and after each order to fork, and not again for one that
    /// has died.
    private var wantsSpare = true

    /// Never returns: the process ends.
    /// - Parameters:
    ///   - plugin: the plugin's folder.
    ///   - python: the virtual environment's Python program.
    ///   - workerPath: folder that contains the package `lachesis_worker`.
    ///   - layers: of the sandbox that workers go without.
    package static func run(
        plugin: String, python: String, workerPath: String, without layers: Set<SandboxLayer>
    ) -> Never {
        do {
            var zygote = try Zygote(plugin: plugin, python: python, workerPath: workerPath, without: layers)
            try zygote.serve()
            zygote.killAll()
            _exit(0)
        } catch {
            // To the host if there is one, else to whoever started this by hand.
            let bytes = ZygoteAnswer.failed(error.description).encoded
            if send(Int32(lachesis_inherited_socket), bytes, bytes.count, Int32(MSG_NOSIGNAL)) < 0 {
                log(error.description)
            }
            _exit(1)
        }
    }

    private init(
        plugin: String, python: String, workerPath: String, without layers: Set<SandboxLayer>
    ) throws(HostError) {
        guard fcntl(control, F_SETFD, FD_CLOEXEC) == 0 else {
            throw HostError(.configuration, "a zygote is started by its host")
        }
        guard lachesis_adopt_orphans("lachesis-zygote") == 0 else { throw .last("prctl") }
        // As the interpreter's own program has it: writing to a closed pipe, or beyond a limit, is an exception and no
        // death.
        for signal in [lachesis_sigpipe, lachesis_sigxfsz] {
            guard lachesis_ignore_signal(signal) == 0 else { throw .last("signal") }
        }
        interpreter = try Interpreter(executable: python, workerPath: workerPath, plugin: plugin)
        try Self.checkThreads()
        sandbox = try Sandbox(
            without: layers, readable: Self.readable(plugin: plugin, python: python, workerPath: workerPath))
    }

    /// What workers may read of the machine: the system's libraries, the virtual environment, the worker's own Python, the plugin.
    private static func readable(plugin: String, python: String, workerPath: String) -> [String] {
        let environment = python.split(separator: "/").dropLast(2).map { "/" + $0 }.joined()
        let wanted = [
            "/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/localtime", environment,
            workerPath + "/lachesis_worker",
            plugin,
        ]
        var found: [String] = []
        // Of a link also what it leads to, such as an environment that lies elsewhere.
        for path in wanted.flatMap({ [$0, resolved($0)] }) where access(path, F_OK) == 0 {
            if !found.contains(where: { path == $0 || path.hasPrefix($0 + "/") }) { found.append(path) }
        }
        return found
    }

    private static func resolved(_ path: String) -> String {
        guard let target = realpath(path, nil) else { return path }
        defer { free(target) }
        return String(cString: target)
    }

    /// A thread would be missing in every worker, with whatever it had locked.
    private static func checkThreads() throws(HostError) {
        guard let stream = opendir("/proc/self/task") else { throw .last("listing this process's threads") }
        defer { closedir(stream) }
        var threads = 0
        while let entry = readdir(stream) {
            if entry.pointee.d_name.0 != CChar(UInt8(ascii: ".")) { threads += 1 }
        }
        guard threads == 1 else {
            throw HostError(
                .python,
                "its packages left threads running (\(threads - 1)), and a process with threads cannot be forked")
        }
    }

    private mutating func serve() throws(HostError) {
        let signals = try SignalSource([lachesis_sigchld])
        guard say(.ready) else { return }
        var items = [control, signals.number].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        while true {
            let ready = poll(&items, nfds_t(items.count), wantsSpare ? 0 : -1)
            guard ready != 0 else {
                makeSpare()
                continue
            }
            guard ready > 0 || errno == EINTR else { throw .last("poll") }
            if items[1].revents != 0 {
                _ = signals.take()
                guard reap() else { return }
            }
            if items[0].revents != 0 {
                guard try takeOrder() else { return }
            }
        }
    }

    /// - Returns: false if the host has gone.
    private func say(_ answer: ZygoteAnswer) -> Bool {
        let bytes = answer.encoded
        while send(control, bytes, bytes.count, Int32(MSG_NOSIGNAL)) < 0 {
            guard errno == EINTR else { return false }
        }
        return true
    }

    /// - Returns: false if the host has gone.
    private mutating func takeOrder() throws(HostError) -> Bool {
        guard let received = try ReceivedOrder(from: control) else { return false }
        defer { for number in received.descriptors { close(number) } }
        switch received.order {
        case .kill(let epoch):
            if let pid = pids[epoch] { kill(pid) }
            return true
        case .fork(let epoch, let space, let folder):
            wantsSpare = true
            let spare = self.spare
            self.spare = nil
            if let spare, spare.take(received) { return forked(epoch, spare.pid) }
            return fork(epoch, space, folder, socket: received.descriptors[0], log: received.descriptors[1])
        }
    }

    private mutating func fork(_ epoch: Epoch, _ space: WorkerSpace, _ folder: String, socket: Int32, log: Int32)
        -> Bool
    {
        var code: Int32 = 0
        let child = interpreter.fork {
            let pid = sandbox.fork()
            code = errno
            return pid
        }
        if child == 0 { work(space, folder, socket: socket, log: log) }
        guard child > 0 else { return say(.notForked(epoch, "fork: \(String(cString: strerror(code)))")) }
        return forked(epoch, child)
    }

    /// - Returns: false if the host has gone.
    private mutating func forked(_ epoch: Epoch, _ child: Int32) -> Bool {
        (epochs[child], pids[epoch]) = (epoch, child)
        return say(.forked(epoch, pid: child))
    }

    /// Forks the next worker ahead of its order. One that cannot be forked is missed by nobody.
    private mutating func makeSpare() {
        wantsSpare = false
        guard let connection = try? DescriptorPair.sockets() else { return }
        let child = interpreter.fork(sandbox.fork)
        if child == 0 {
            // It ends with the zygote, which these ends would hide.
            close(connection.near.number)
            close(control)
            do {
                let received = try SpareWorker.awaitOrder(on: connection.far, rehearse: interpreter.rehearse)
                guard let received, case .fork(_, let space, let folder) = received.order else { _exit(0) }
                work(space, folder, socket: received.descriptors[0], log: received.descriptors[1])
            } catch {
                LachesisHost.log("a worker to come: \(error)")
                _exit(71)
            }
        }
        if child > 0 { spare = SpareWorker(pid: child, connection: consume connection.near) }
    }

    /// The worker's whole life.
    private func work(_ space: WorkerSpace, _ folder: String, socket: Int32, log: Int32) -> Never {
        guard let home = sandbox.lockIn(space, socket: socket, log: log, folder: folder) else { _exit(71) }
        _ = lachesis_set_process_name("lachesis-worker")
        do {
            try interpreter.setEnvironment("HOME", home)
            try interpreter.setEnvironment("TMPDIR", home)
        } catch {
            LachesisHost.log(error.description)
            _exit(72)
        }
        _exit(interpreter.serve(Int32(lachesis_inherited_socket)))
    }

    /// - Returns: false if the host has gone.
    private mutating func reap() -> Bool {
        var isHeard = true
        while let child = EndedChild.next() {
            if child.pid == spare?.pid { spare = nil }
            guard let epoch = epochs.removeValue(forKey: child.pid) else { continue }
            pids[epoch] = nil
            isHeard = isHeard && say(.exited(epoch, status: child.status))
        }
        let (known, spare) = (epochs, spare)
        killStrays { known[$0] != nil || $0 == spare?.pid }
        return isHeard
    }

    /// Ends a worker and its process group. Not reaped yet, so the number is still its own.
    private func kill(_ pid: Int32) {
        _ = Glibc.kill(-pid, SIGKILL)
        // Before it has made a group of its own.
        _ = Glibc.kill(pid, SIGKILL)
    }

    private func killAll() {
        for pid in epochs.keys { kill(pid) }
        if let spare { kill(spare.pid) }
    }
}
