internal import Foundation
package import LachesisModel

/// How a fleet keeps its estimators' workers and their checkpoints.
package struct FleetConfiguration: Sendable {
    /// Records between two checkpoints of an estimator that is busy: as many at most are stepped again after a crash. Default 200.
    package var checkpointRecords = 200
    /// Time between two checkpoints of an estimator that gets few records. Default 120 s.
    package var checkpointInterval = Duration.seconds(120)
    /// Time without records after which a worker is ended, to be started again by the next record. Default 300 s.
    package var hibernationTime = Duration.seconds(300)
    /// Workers that live at once, at most; beyond it the one that was used least recently makes room. Default 1,000.
    package var workers = 1_000
    /// How much any estimator may be accelerated. Default full.
    package var acceleration = Acceleration.full
    /// Processors for which workers take turns to step. Default those of this machine.
    package var processors = max(1, ProcessInfo.processInfo.activeProcessorCount)

    package init() {}
}
