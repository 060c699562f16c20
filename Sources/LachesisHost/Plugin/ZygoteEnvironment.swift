internal import Glibc

/// The whole environment of a zygote, and so of its workers: they can read it, so it holds nothing of the daemon's.
enum ZygoteEnvironment {
    /// Taken over from the host's environment: it selects the linear-algebra kernel, and with it the last bits of every
    /// estimate.
    private static let inherited = ["OPENBLAS_CORETYPE"]

    /// - Parameter home: a folder of the host's own.
    /// - Returns: `NAME=value` each.
    static func make(home: String) -> [String] {
        let fixed = [
            "PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8", "HOME=\(home)",
            // One thread each: a process with threads cannot be forked, and thousands of workers share the processors.
            "OPENBLAS_NUM_THREADS=1", "OMP_NUM_THREADS=1", "NUMEXPR_NUM_THREADS=1", "NUMEXPR_MAX_THREADS=1",
            "BLOSC_NTHREADS=1", "JE_ARROW_MALLOC_CONF=background_thread:false",
            "PYTHONDONTWRITEBYTECODE=1", "PYTHONHASHSEED=0",
            // Swift's own crash reporter would start a program in the worker; Python's reporter names the script's
            // line.
            "SWIFT_BACKTRACE=enable=no",
        ]
        return fixed + inherited.compactMap { name in getenv(name).map { "\(name)=\(String(cString: $0))" } }
    }
}
