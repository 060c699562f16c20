/// What an administrator keeps an estimator from, until it is resumed or registered anew; a server's restart does not end it.
package enum WorkerHold: String, Sendable {
    /// Its process stays, and is fed nothing.
    case paused
    /// Its process is ended, its state saved, and records do not start it again.
    case stopped
}
