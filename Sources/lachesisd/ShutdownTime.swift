/// Bounds of an orderly end, which grow with the workers: each saves its state, and then its process ends.
struct ShutdownTime {
    /// Those that live; those that may, where the bound is set before.
    let workers: Int

    /// Of saving all workers' states.
    var saving: Duration { .seconds(1.5) + .milliseconds(20) * workers }

    /// Of ending their processes, and the host's.
    var ending: Duration { .seconds(3) + .milliseconds(10) * workers }

    /// Of everything, clients included: a host that is well ends in half of its time.
    var whole: Duration { saving + ending }
}
