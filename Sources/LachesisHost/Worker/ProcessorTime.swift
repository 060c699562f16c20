internal import Glibc

/// Processor time that all threads of a process, the ended ones too, have taken since it was forked; nil if there is no such process.
///
/// Read from the kernel's clock of the process, which that process cannot set.
func processorTime(of pid: Int32) -> Duration? {
    var clock = clockid_t()
    var time = timespec()
    guard pid > 0, clock_getcpuclockid(pid, &clock) == 0, clock_gettime(clock, &time) == 0 else { return nil }
    return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
}
