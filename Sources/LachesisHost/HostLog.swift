internal import Glibc

/// One line on standard error, which the daemon passes on to its own log.
func log(_ message: String) {
    let line = Array("lachesis-host: \(message)\n".utf8)
    // Nobody is there to be told if standard error itself fails.
    _ = write(2, line, line.count)
}

/// Time since the machine started, sleep not counted: deadlines do not pass while a laptop's lid is closed.
func monotonicNow() -> Duration {
    var time = timespec()
    guard clock_gettime(CLOCK_MONOTONIC, &time) == 0 else { preconditionFailure("no monotonic clock") }
    return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
}
