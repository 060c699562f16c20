import ArgumentParser
import LachesisFleet
import LachesisModel

/// Settings of the fleet that differ from their defaults; see `FleetConfiguration`.
struct WorkerOptions: ParsableArguments {
    @Option(help: "Workers that live at once, at most; the one used least recently makes room.")
    var maxWorkers = FleetConfiguration().workers

    @Option(help: "Seconds without records after which a worker is ended, until the next record.")
    var hibernateAfter = FleetConfiguration().hibernationTime / .seconds(1)

    @Option(help: "Records between two checkpoints of a busy estimator.")
    var checkpointRecords = FleetConfiguration().checkpointRecords

    @Option(help: "Seconds between two checkpoints of any other.")
    var checkpointInterval = FleetConfiguration().checkpointInterval / .seconds(1)

    @Option(help: "How much any estimator may be accelerated: off, shortcuts or full; a registration may ask for less.")
    var acceleration = FleetConfiguration().acceleration

    func resolved() throws -> FleetConfiguration {
        guard maxWorkers > 0, checkpointRecords > 0 else {
            throw ValidationError("--max-workers and --checkpoint-records must be greater than zero")
        }
        guard [hibernateAfter, checkpointInterval].allSatisfy({ (0...1e9).contains($0) }) else {
            throw ValidationError("--hibernate-after and --checkpoint-interval must be seconds from 0 to 1e9")
        }
        var configuration = FleetConfiguration()
        configuration.workers = maxWorkers
        configuration.hibernationTime = .seconds(hibernateAfter)
        configuration.checkpointRecords = checkpointRecords
        configuration.checkpointInterval = .seconds(checkpointInterval)
        configuration.acceleration = acceleration
        return configuration
    }
}

extension Acceleration: ExpressibleByArgument {}
