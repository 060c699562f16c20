import NIOCore

/// Runs tasks on an event loop's own thread.
///
/// The event loop must outlive them: a job that is given to one that has been shut down never runs. The server's are those of the
/// process, which are not.
final class EventLoopExecutor: TaskExecutor {
    private let eventLoop: any EventLoop

    init(_ eventLoop: any EventLoop) { self.eventLoop = eventLoop }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        eventLoop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
