import ArgumentParser
import Foundation
import LachesisAPI
import LachesisFleet
import LachesisMessaging
package import LachesisModel
import LachesisStore
import Logging
import NIOCore
import ServiceLifecycle
import UnixSignals

/// The server, put together: store, hub, host, fleet and HTTP, which start in this order and stop in the reverse.
struct Daemon: Sendable {
    /// Bound of an orderly end; what still runs then is cancelled. Holds 1.5 s for clients, 1.5 s for the workers' states and the
    /// rest for ending processes.
    static let shutdownTime = Duration.milliseconds(4500)

    let data: String
    let host: String
    let port: Int
    let logLevel: Logger.Level
    let installation: Installation
    let limits: Limits
    let fleet: FleetConfiguration
    let missingLayers: [SandboxLayer]

    func run() async throws {
        LoggingSystem.bootstrap(StreamLogHandler.standardError)
        var logger = Logger(label: "lachesisd")
        logger.logLevel = logLevel
        let store = try Store.open(folder: data, limits: limits)
        let session = try await store.beginSession()
        let runtime = try RuntimeFolder()
        defer { runtime.remove() }
        let hub = try MessageHub(endpoint: "ipc://\(runtime.path)/hub")
        let roster = HostRoster(hub: hub, session: session, logger: logger)
        var hostConfiguration = LocalHost.Configuration(
            executable: installation.hostExecutable, plugins: installation.plugins, python: installation.python,
            workerPath: installation.workerPath, runtime: runtime.path + "/host")
        hostConfiguration.missingLayers = missingLayers
        if !missingLayers.isEmpty {
            logger.warning(
                "the sandbox is weakened: scripts can do more than they should",
                metadata: ["without": "\(missingLayers.map(\.rawValue).joined(separator: ", "))"])
        }
        let localHost = LocalHost(hostConfiguration, endpoint: hub.endpoint, roster: roster, logger: logger)
        let fleet = Fleet(
            storage: store, roster: roster, limits: limits, configuration: fleet, missingLayers: missingLayers,
            logger: logger)
        store.onStored = { battery, last in fleet.recordsStored(battery, last: last) }
        fleet.restore(store.estimators())
        warnIfReachable(logger)

        let api = APIServer(
            store: store, fleet: fleet, roster: roster, limits: limits, version: Lachesisd.version, logger: logger)
        let application = api.application(host: host, port: port) { [host] port in
            print("listening on http://\(host.contains(":") ? "[\(host)]" : host):\(port)")
            fflush(nil)
        }
        var configuration = ServiceGroupConfiguration(
            services: [
                StoreService(store: store),
                HubService(hub: hub),
                CancellableService { await localHost.run() },
                FleetService(fleet: fleet),
                application,
            ],
            gracefulShutdownSignals: [.sigterm, .sigint],
            logger: logger)
        configuration.maximumGracefulShutdownDuration = Self.shutdownTime
        do {
            try await ServiceGroup(configuration: configuration).run()
        } catch let error as IOError where error.errnoCode == EADDRINUSE {
            throw ValidationError(
                "\(host) port \(port) is in use by another program; --port takes another, 0 a free one")
        }
    }

    private func warnIfReachable(_ logger: Logger) {
        guard !["127.0.0.1", "::1", "localhost"].contains(host) else { return }
        logger.warning(
            "this server has no access control yet: whoever reaches it may run scripts on it",
            metadata: ["host": "\(host)"])
    }
}

extension Store: EstimatorStorage {
    package func mayPass(_ error: any Error) -> Bool {
        guard let error = error as? StoreError else { return false }
        return [.full, .io, .locked, .closed].contains(error.code)
    }

    package func lastSequence(of battery: BatteryName) -> Int64 { stats(of: battery)?.rows ?? 0 }
}
