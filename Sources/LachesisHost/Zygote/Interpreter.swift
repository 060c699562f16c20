internal import CPython
internal import Glibc

/// The CPython embedded in this process; it belongs to the main thread, and there is one.
struct Interpreter {
    typealias Object = UnsafeMutablePointer<PyObject>

    /// `lachesis_worker.worker.run`, found before the first fork so that no worker has to import it.
    private let run: Object
    private let environment: Object
    /// `lachesis_worker.zygote.rehearse_again`.
    private let rehearsal: Object

    /// Starts the interpreter as `executable`, a virtual environment's Python, would start, but blind to environment
    /// variables and the user's own packages; then lets `lachesis_worker` import what the plugin needs.
    /// - Throws: `HostError` `.python` with Python's own message.
    init(executable: String, workerPath: String, plugin: String) throws(HostError) {
        guard access(executable, X_OK) == 0 else {
            throw HostError(.python, "there is no Python at \(executable)")
        }
        try Self.initialize(executable)
        // Borrowed, and owned by the interpreter.
        guard let path = PySys_GetObject("path"), PyList_Insert(path, 0, try Self.text(workerPath)) == 0 else {
            throw Self.pendingError()
        }
        let warm = try Self.member("warm", of: "lachesis_worker.zygote")
        guard PyObject_CallOneArg(warm, try Self.text(plugin)) != nil else { throw Self.pendingError() }
        run = try Self.member("run", of: "lachesis_worker.worker")
        rehearsal = try Self.member("rehearse_again", of: "lachesis_worker.zygote")
        environment = try Self.member("environ", of: "os")
    }

    /// Forks with the interpreter in a state that both sides can go on with.
    /// - Parameter fork: calls fork(2); its result tells parent from child.
    func fork(_ fork: () -> Int32) -> Int32 {
        PyOS_BeforeFork()
        let pid = fork()
        if pid == 0 { PyOS_AfterFork_Child() } else { PyOS_AfterFork_Parent() }
        return pid
    }

    /// In a spare worker: builds the plugin's example once more, which makes what a build writes to the process's own.
    func rehearse() {
        // Without it the worker is ready later, and that is all.
        if PyObject_CallNoArgs(rehearsal) == nil { PyErr_Clear() }
    }

    /// In a worker: sets an environment variable, for the script and for what it starts.
    func setEnvironment(_ name: String, _ value: String) throws(HostError) {
        guard PyMapping_SetItemString(environment, name, try Self.text(value)) == 0 else { throw Self.pendingError() }
    }

    /// In a worker: serves the connection until it closes.
    /// - Returns: the exit status.
    func serve(_ socket: Int32) -> Int32 {
        guard let number = PyLong_FromLong(Int(socket)), let result = PyObject_CallOneArg(run, number) else {
            // Printing a SystemExit would end the process, with all that scripts have registered for that moment.
            if lachesis_python_is_system_exit() == 0 { PyErr_Print() }
            return 70
        }
        let status = PyLong_AsLong(result)
        guard (0...255).contains(status) else { return 70 }
        return Int32(status)
    }

    private static func initialize(_ executable: String) throws(HostError) {
        var preparation = PyPreConfig()
        PyPreConfig_InitIsolatedConfig(&preparation)
        preparation.utf8_mode = 1
        try check(Py_PreInitialize(&preparation))
        var config = PyConfig()
        PyConfig_InitIsolatedConfig(&config)
        defer { PyConfig_Clear(&config) }
        config.write_bytecode = 0
        config.use_hash_seed = 1
        config.hash_seed = 0
        // What a script printed before its process was killed must not be lost in a buffer.
        config.buffered_stdio = 0
        // A crash in compiled code then names the script's line.
        config.faulthandler = 1
        try check(
            withUnsafeMutablePointer(to: &config) { pointer in
                guard let field = pointer.pointer(to: \.executable) else { return PyStatus_Error("no executable") }
                return PyConfig_SetBytesString(pointer, field, executable)
            })
        try check(Py_InitializeFromConfig(&config))
    }

    private static func check(_ status: PyStatus) throws(HostError) {
        guard PyStatus_Exception(status) != 0 else { return }
        throw HostError(.python, status.err_msg.map { String(cString: $0) } ?? "the interpreter cannot be started")
    }

    private static func member(_ name: String, of module: String) throws(HostError) -> Object {
        guard let module = PyImport_ImportModule(module), let member = PyObject_GetAttrString(module, name) else {
            throw pendingError()
        }
        return member
    }

    private static func text(_ text: String) throws(HostError) -> Object {
        guard let object = PyUnicode_DecodeFSDefault(text) else { throw pendingError() }
        return object
    }

    /// The exception that has just been raised, as `Class: message`.
    private static func pendingError() -> HostError {
        var (type, value, traceback): (Object?, Object?, Object?) = (nil, nil, nil)
        PyErr_Fetch(&type, &value, &traceback)
        PyErr_NormalizeException(&type, &value, &traceback)
        let name = type.flatMap { PyObject_GetAttrString($0, "__name__") }.flatMap(utf8) ?? "error"
        let message = value.flatMap { PyObject_Str($0) }.flatMap(utf8) ?? ""
        PyErr_Clear()
        return HostError(.python, message.isEmpty ? name : "\(name): \(message)")
    }

    private static func utf8(_ text: Object) -> String? { PyUnicode_AsUTF8(text).map { String(cString: $0) } }
}
