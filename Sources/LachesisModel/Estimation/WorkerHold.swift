/// What an administrator keeps an estimator from, until it is resumed or registered anew; a server's restart does not end it.
package enum WorkerHold: String, Sendable {
    /// It is fed nothing. Its process stays, unless others need its place or its host ends.
    case paused
    /// Its process is ended, its state saved, and records do not start it again.
    case stopped
}
