import NIOCore

/// Runs on an event loop's thread the tasks that this thread itself wakes, and all others on the threads that tasks share.
///
/// So what comes in is handled where it came, without a way to another thread, and nobody has to wake the event loop.
final class EventLoopExecutor: TaskExecutor {
    private let eventLoop: any EventLoop

    init(_ eventLoop: any EventLoop) { self.eventLoop = eventLoop }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        guard eventLoop.inEventLoop else { return globalConcurrentExecutor.enqueue(job) }
        eventLoop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
