/// Why an estimator cannot run.
package struct FleetError: Error, Sendable, CustomStringConvertible {
    package enum Code: Sendable {
        /// The script's own doing: it raised, gave no estimator, ended its process, or took too long.
        case script
        /// The worker could not go on from the checkpoint that it was given.
        case checkpoint
        /// No plugin of this name, or its packages are missing on this machine.
        case plugin
        /// The battery's estimator is being registered, removed or given an order already.
        case busy
        /// What is asked does not fit what the estimator is at.
        case unfit
        /// The battery has no estimator.
        case unknown
        /// The storage cannot give or take what it is asked, and time will not mend that.
        case storage
        /// No host answers at the moment, all places for workers are taken, a worker was lost through no fault of its script, or a
        /// checkpoint takes too long.
        case unavailable
    }

    package let code: Code
    /// For the person who registered the estimator.
    package let description: String

    init(_ code: Code, _ description: String) { (self.code, self.description) = (code, description) }
}
