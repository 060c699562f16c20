internal import CSandbox
internal import Glibc
internal import LachesisModel
internal import LachesisWire

/// A plugin's zygote as the host holds it: its process, its connection, and the orders that wait for it.
final class ZygoteProcess {
    /// An order of the host's, before there are descriptors to go with it.
    enum Order: Equatable {
        case fork(Epoch)
        case kill(Epoch)
    }

    /// Orders to fork that may be under way at once; more would only hold descriptors.
    static let forksAtOnce = 16

    let folder: PluginFolder
    var lifecycle: ZygoteLifecycle
    private(set) var pid: Int32?
    private(set) var output = OutputTail()
    /// Orders not sent yet: at most `HostConfiguration.heldStarts` to fork, and one to kill for each worker.
    private(set) var orders: [Order] = []
    private var machinePids: MachinePids?
    private var control: Descriptor?
    private var log: Descriptor?

    /// What the host's event queue calls control connection and output; nil where it does not listen to them.
    var controlToken: UInt64?
    var logToken: UInt64?
    var awaitsWriting = false

    var name: String { folder.name }
    var controlNumber: Int32? { control.number }
    var logNumber: Int32? { log.number }

    init(_ folder: PluginFolder, configuration: HostConfiguration) {
        self.folder = folder
        lifecycle = ZygoteLifecycle(
            name: folder.name, warmTime: configuration.warmTime, forkTime: configuration.forkTime)
    }

    /// Starts the process: this very program in its mode `zygote`, with nothing of this process's environment and
    /// descriptors.
    func start(_ configuration: HostConfiguration, workFolder: String) throws(HostError) {
        let control = try DescriptorPair.sockets()
        let log = try DescriptorPair.pipe()
        let arguments =
            [
                "lachesis-host", "zygote", "--plugin", folder.path, "--python", configuration.python,
                "--worker-path", configuration.workerPath,
            ]
            + configuration.missingLayers.sorted { $0.rawValue < $1.rawValue }.flatMap {
                ["--sandbox-without", $0.rawValue]
            }
        let isApart = !configuration.missingLayers.contains(.namespaces)
        let environment = ZygoteEnvironment.make(home: workFolder)
        pid = try withCStrings(arguments) { (arguments) throws(HostError) in
            try withCStrings(environment) { (environment) throws(HostError) in
                try spawn(
                    "/proc/self/exe", arguments, environment, workFolder, control.far.number, log.far.number, isApart)
            }
        }
        output = OutputTail()
        machinePids = isApart ? MachinePids() : nil
        self.control = consume control.near
        self.log = consume log.near
    }

    /// Kills the process; that it has ended is heard later.
    func kill() {
        // Not reaped before `ended`, so the number is still its own.
        if let pid { _ = Glibc.kill(pid, SIGKILL) }
    }

    /// Lets it end by itself: a zygote ends its workers and then itself when the control connection closes.
    func closeControl() { control = nil }

    func closeLog() { log = nil }

    func ended() {
        pid = nil
        control = nil
        log = nil
        orders.removeAll { if case .kill = $0 { true } else { false } }
    }

    /// The machine's number of a worker that the zygote has forked; 0 if it cannot be told.
    func machinePid(of number: Int32) -> Int32 {
        guard let pid, machinePids != nil else { return number }
        return machinePids?.find(number, of: pid) ?? 0
    }

    func append(_ order: Order) { orders.append(order) }

    func removeFirstOrder() { orders.removeFirst() }

    /// Orders to fork that have not been sent.
    var heldForks: [Epoch] { orders.compactMap { if case .fork(let epoch) = $0 { epoch } else { nil } } }

    func removeHeldForks() { orders.removeAll { if case .fork = $0 { true } else { false } } }

    /// Sends an order without waiting.
    /// - Returns: false if the connection takes nothing now.
    func send(_ order: ZygoteOrder, descriptors: [Int32]) throws(HostError) -> Bool {
        guard let number = control.number else { return false }
        let bytes = order.encoded
        let sent =
            descriptors.isEmpty
            ? lachesis_send_packet(number, bytes, bytes.count, nil, 0)
            : lachesis_send_descriptors(number, bytes, bytes.count, descriptors, descriptors.count)
        if sent >= 0 { return true }
        // ETOOMANYREFS: too many descriptors are under way between this user's processes.
        if [EAGAIN, ENOBUFS, ENOMEM, ETOOMANYREFS, EPIPE, ECONNRESET].contains(errno) { return false }
        throw .last("sending to the zygote of '\(name)'")
    }

    enum Reception: Equatable {
        case answer(ZygoteAnswer)
        case none
        case closed
        case violation(String)
    }

    func receive(_ buffer: inout [UInt8]) -> Reception {
        while true {
            guard let number = control.number else { return .closed }
            let count = lachesis_receive_packet(number, &buffer, buffer.count)
            if count == 0 { return .closed }
            if count < 0 {
                if errno == ECONNRESET { continue }
                return errno == EAGAIN ? .none : .closed
            }
            guard count <= buffer.count else { return .violation("a packet of \(count) bytes") }
            do {
                return .answer(try ZygoteAnswer(decoding: Array(buffer[..<count])))
            } catch {
                return .violation(error.description)
            }
        }
    }

    /// Reads once what it has written.
    /// - Returns: false once nobody can write any more.
    func readLog(_ buffer: inout [UInt8]) -> Bool {
        guard let number = log.number else { return false }
        let count = read(number, &buffer, buffer.count)
        if count > 0 { output.append(buffer[..<count]) }
        return count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR))
    }

    /// Reads what a process that has ended had written; bounded, as a child of its may go on writing.
    func readLastOutput(_ buffer: inout [UInt8]) {
        for _ in 0..<16 { guard readLog(&buffer) else { return } }
    }
}

private func spawn(
    _ program: String, _ arguments: UnsafePointer<UnsafeMutablePointer<CChar>?>,
    _ environment: UnsafePointer<UnsafeMutablePointer<CChar>?>, _ folder: String, _ control: Int32, _ log: Int32,
    _ isApart: Bool
) throws(HostError) -> Int32 {
    var failed: UnsafePointer<CChar>?
    let pid = program.withCString { program in
        folder.withCString { folder in
            var settings = lachesis_spawn_settings(
                program: program, arguments: arguments, environment: environment, folder: folder, control: control,
                log: log, apart: isApart ? 1 : 0)
            return lachesis_spawn(&settings, &failed)
        }
    }
    guard pid > 0 else { throw .last("starting a zygote, \(failed.map { String(cString: $0) } ?? "")") }
    return pid
}

/// An array of C strings, ended by a null pointer, that lives as long as the call.
private func withCStrings<Result>(
    _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) throws(HostError) -> Result
) throws(HostError) -> Result {
    let copies = strings.map { strdup($0) }
    defer { for copy in copies { free(copy) } }
    guard copies.allSatisfy({ $0 != nil }) else { throw .last("copying text") }
    var pointers = copies
    pointers.append(nil)
    return try pointers.withUnsafeBufferPointer { (buffer) throws(HostError) -> Result in
        guard let base = buffer.baseAddress else { preconditionFailure("an array of at least one") }
        return try body(base)
    }
}
