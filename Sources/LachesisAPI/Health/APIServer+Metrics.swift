internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import LachesisFleet
internal import LachesisMetrics
internal import LachesisModel
internal import LachesisStore
internal import NIOCore

extension APIServer {
    /// `GET /metrics`, for Prometheus.
    func addMetricsRoutes(to router: Router<APIContext>) {
        router.endpoint("/metrics", [.get: { [self] _, _ in try await metrics() }])
    }

    private func metrics() async throws -> Response {
        let workers = try await fleet.overview(time: Date().timeIntervalSince1970)
        var text = MetricsText()
        writeServer(to: &text)
        writeStore(to: &text)
        writeFleet(workers, to: &text)
        text.writeWorkers(workers)
        return Response(
            status: .ok, headers: [.contentType: MetricsText.contentType],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text.text)))
    }

    private func writeServer(to text: inout MetricsText) {
        text.family("lachesis_build_info", .gauge, "The server's version, as a label.", [([("version", version)], 1)])
        text.metric("lachesis_ready", .gauge, "Whether /health/ready says so.", readiness().isReady ? 1 : 0)
        let process = ProcessMeasures()
        text.metric("process_resident_memory_bytes", .gauge, "Resident memory of the server.", process.residentBytes)
        text.metric("process_cpu_seconds_total", .counter, "Processor time of the server.", process.cpuSeconds)
        text.metric("process_open_fds", .gauge, "Open descriptors of the server.", process.openDescriptors)
    }

    private func writeStore(to text: inout MetricsText) {
        text.metric(
            "lachesis_records_stored_total", .counter, "Records stored since the start.", store.metrics.records.value)
        text.metric("lachesis_batteries", .gauge, "Batteries that are known.", store.stats().count)
        text.metric("lachesis_database_size_bytes", .gauge, "The database with its log.", store.databaseBytes())
        if let free = store.freeBytes() {
            text.metric("lachesis_disk_free_bytes", .gauge, "What the disk under the database has left.", free)
        }
        text.histogram(
            "lachesis_commit_duration_seconds", "Transactions, until they are on disk.", store.metrics.commits.snapshot)
        text.family(
            "lachesis_queue_depth", .gauge, "What waits: writes for the writer, estimators for a worker's place.",
            [("writes", store.waitingWrites), ("workers", fleet.waitingStarts)].map {
                ([("queue", $0.0)], Double($0.1))
            })
    }

    private func writeFleet(_ workers: [WorkerOverview], to text: inout MetricsText) {
        let phases = Dictionary(workers.map { ($0.status.phase, 1) }, uniquingKeysWith: +)
        text.family(
            "lachesis_estimators", .gauge, "Estimators by phase.",
            EstimatorStatus.Phase.allCases.map { ([("phase", $0.rawValue)], Double(phases[$0] ?? 0)) })
        let levels = Dictionary(
            workers.compactMap { $0.status.estimator.accelerationState?.inUse }.map { ($0, 1) }, uniquingKeysWith: +)
        text.family(
            "lachesis_estimators_accelerated", .gauge, "Estimators by the acceleration in use.",
            Acceleration.allCases.map { ([("acceleration", $0.rawValue)], Double(levels[$0] ?? 0)) })
        let (hosts, processes) = roster.counts()
        text.metric("lachesis_hosts", .gauge, "Hosts that are connected.", hosts)
        text.metric("lachesis_workers", .gauge, "Workers that live.", processes)
        text.metric("lachesis_workers_limit", .gauge, "Workers that may live at once.", fleet.maximumWorkers)
        text.histogram(
            "lachesis_step_duration_seconds", "Records at their worker, from being its next to being answered.",
            fleet.metrics.steps.snapshot)
    }
}

extension MetricsText {
    /// What is told of each battery's estimator and worker; what is not known is left out.
    fileprivate mutating func writeWorkers(_ workers: [WorkerOverview]) {
        func samples(_ value: (WorkerOverview) -> Double?) -> [(labels: Labels, value: Double)] {
            workers.compactMap { worker in
                value(worker).map { ([("battery", worker.status.estimator.battery.text)], $0) }
            }
        }
        family(
            "lachesis_estimator_lag_records", .gauge, "Records stored that are not in the estimate yet.",
            samples { Double($0.status.waiting) })
        family(
            "lachesis_estimator_lag_seconds", .gauge, "How long the oldest of them has waited.",
            samples { $0.lagSeconds })
        family(
            "lachesis_estimator_records_total", .counter, "Records that met a fate, since the registration.",
            workers.flatMap { worker in
                let counts = worker.status.estimator.snapshot.counts
                return [("stepped", counts.stepped), ("skipped", counts.skipped), ("failed", counts.failed)].map {
                    ([("battery", worker.status.estimator.battery.text), ("outcome", $0.0)], Double($0.1))
                }
            })
        family(
            "lachesis_estimator_disagreements_total", .counter,
            "Accelerated steps that differed from the estimator's own, since the registration.",
            samples { $0.status.estimator.accelerationState.map { Double($0.disagreements.count) } })
        family(
            "lachesis_worker_restarts_total", .counter, "Times that the worker was started again after its end.",
            samples { Double($0.status.restarts) })
        family(
            "lachesis_worker_memory_bytes", .gauge, "Memory that is the worker's own.",
            samples { $0.vital?.memoryBytes.map(Double.init) })
        family(
            "lachesis_worker_cpu_seconds_total", .counter, "Processor time of the worker.",
            samples { $0.vital?.cpuSeconds })
    }
}
