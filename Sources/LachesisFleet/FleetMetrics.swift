package import LachesisMetrics

/// What all workers have done since the server's start.
package struct FleetMetrics: Sendable {
    /// A record's time, from when its worker had nothing before it until it is answered; averaged over one answer's records.
    package let steps = Histogram()
}

extension Fleet {
    package var metrics: FleetMetrics { environment.metrics }

    /// Estimators that stand in line for a worker's place.
    package var waitingStarts: Int { environment.berths.lineCount }
}
