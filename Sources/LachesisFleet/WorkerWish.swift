internal import LachesisModel

/// What administrators want of one estimator's worker, and what has become of it: pure.
struct WorkerWish: Equatable {
    enum Checkpoint: Equatable {
        case notAsked
        case asked
        case made
        /// Why there is none.
        case missed(String)
    }

    /// nil lets it run.
    private(set) var hold: WorkerHold?
    /// Whether it is to be ended and started again.
    private(set) var wantsRestart = false
    private(set) var checkpoint = Checkpoint.notAsked

    init(hold: WorkerHold?) { self.hold = hold }

    /// Whether a worker is fed.
    var allowsFeeding: Bool { hold == nil && !wantsRestart }
    /// Whether a worker that lives is to end, its state saved where that is possible.
    var endsWorker: Bool { hold == .stopped || wantsRestart }
    /// Whether one that waits for something has something else to do.
    var isPending: Bool { hold != nil || wantsRestart }

    /// What the hold becomes.
    /// - Parameter isParked: whether it ended so often that it is not started again.
    /// - Throws: `FleetError` `.unfit` with the reason.
    func hold(after order: WorkerControl, isParked: Bool) throws(FleetError) -> WorkerHold? {
        switch order {
        case .pause:
            guard hold != .stopped else { throw FleetError(.unfit, "it is stopped: resume it first") }
            return .paused
        case .stop: return .stopped
        case .resume:
            guard hold != nil || !isParked else { throw FleetError(.unfit, "it is parked: restart it") }
            return nil
        case .restart, .checkpoint:
            if order == .restart, let hold {
                throw FleetError(.unfit, "it is \(hold.rawValue): resume it first")
            }
            return hold
        }
    }

    mutating func keep(_ hold: WorkerHold?) {
        self.hold = hold
        if hold != nil { wantsRestart = false }
    }

    mutating func restart() { wantsRestart = true }

    /// A worker is being started: that is what a restart asked for.
    mutating func starts() { wantsRestart = false }

    mutating func askForCheckpoint() { checkpoint = .asked }

    /// What was asked for is there, or cannot be had; nothing if nothing was.
    mutating func answerCheckpoint(_ outcome: Checkpoint) { if checkpoint == .asked { checkpoint = outcome } }
}

/// What an administrator can have done to an estimator's worker.
package enum WorkerControl: String, Sendable, CaseIterable {
    /// It is fed nothing. Its process stays, unless others need its place or its host ends.
    case pause
    /// Its process is ended, its state saved; records do not start it again.
    case stop
    /// Ends a pause or a stop.
    case resume
    /// Its process is ended and started again from its state; also if it is parked.
    case restart
    /// Its state is saved.
    case checkpoint
}
