import ArgumentParser
import Foundation
import LachesisAPI
import LachesisFleet
import LachesisMessaging
package import LachesisModel
import LachesisPages
import LachesisSocket
import LachesisStore
import Logging
import NIOCore
import ServiceLifecycle
import UnixSignals

/// The server, put together: store, hub, host, fleet and HTTP, which start in this order and stop in the reverse.
struct Daemon: Sendable {
    let data: String
    let host: String
    let port: Int
    let logLevel: Logger.Level
    let logFormat: LogFormat
    let installation: Installation
    let limits: Limits
    let fleet: FleetConfiguration
    let messages: MessageOptions
    let missingLayers: [SandboxLayer]
    let hosts: HostRules
    let sockets: SocketConfiguration
    let audit: AuditLog.Configuration

    func run() async throws {
        FreedMemory.goesBack()
        switch logFormat {
        case .text: LoggingSystem.bootstrap { StreamLogHandler(label: $0, stream: LineStream()) }
        case .json: LoggingSystem.bootstrap { JSONLogHandler(label: $0) }
        }
        var logger = Logger(label: "lachesisd")
        logger.logLevel = logLevel
        let store = try Store.open(folder: data, limits: limits)
        let audit = AuditLog(folder: data, configuration: audit, logger: logger)
        let gatekeeper = try await gatekeeper(store, audit, logger)
        let session = try await store.beginSession()
        let runtime = try RuntimeFolder()
        defer { runtime.remove() }
        let hub = try MessageHub(endpoint: "ipc://\(runtime.path)/hub")
        let roster = HostRoster(hub: hub, session: session, logger: logger)
        var hostConfiguration = LocalHost.Configuration(
            executable: installation.hostExecutable, plugins: installation.plugins, python: installation.python,
            workerPath: installation.workerPath, runtime: runtime.path + "/host")
        hostConfiguration.missingLayers = missingLayers
        messages.apply(to: &hostConfiguration)
        hostConfiguration.logsJSON = logFormat == .json
        if !missingLayers.isEmpty {
            logger.warning(
                "the sandbox is weakened: scripts can do more than they should",
                metadata: ["without": "\(missingLayers.map(\.rawValue).joined(separator: ", "))"])
        }
        let shutdown = ShutdownTime(workers: fleet.workers)
        hostConfiguration.endTime = shutdown.ending
        let localHost = LocalHost(hostConfiguration, endpoint: hub.endpoint, roster: roster, logger: logger)
        let fleet = Fleet(
            storage: store, roster: roster, limits: limits, configuration: fleet, missingLayers: missingLayers,
            logger: logger)
        store.onStored = { battery, last in fleet.recordsStored(battery, last: last) }
        fleet.restore(store.estimators())

        let plots = PlotLibrary(folder: installation.dygraphs)
        if let problem = plots.problem {
            logger.warning("pages have no plots", metadata: ["reason": "\(problem)"])
        }
        let api = APIServer(
            store: store, fleet: fleet, roster: roster, gatekeeper: gatekeeper, pages: try PageRenderer(), plots: plots,
            isEncrypted: sockets.tls != nil, limits: limits, version: Lachesisd.version, logger: logger)
        var sockets = sockets
        let room = DescriptorLimit.makeRoom(for: sockets.maxConnections)
        if room < sockets.maxConnections {
            logger.warning(
                "the system gives too few descriptors for --max-connections", metadata: ["connections": "\(room)"])
            sockets.maxConnections = room
        }
        let scheme = sockets.tls == nil ? "http" : "https"
        let application = api.application(host: host, port: port, sockets: sockets) { [host] port in
            print("listening on \(scheme)://\(host.contains(":") ? "[\(host)]" : host):\(port)")
            fflush(nil)
        }
        let services: [any Service] = [
            StoreService(store: store), audit, api.accessWatch, HubService(hub: hub),
            CancellableService { await localHost.run() }, FleetService(fleet: fleet),
            await TLSReload(tls: sockets.tls, logger: logger), application,
        ]
        // One that fails ends the others as a signal does.
        var configuration = ServiceGroupConfiguration(
            services: services.map { .init(service: $0, failureTerminationBehavior: .gracefullyShutdownGroup) },
            gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        // What still runs then is cancelled.
        configuration.maximumGracefulShutdownDuration = shutdown.whole
        do {
            try await ServiceGroup(configuration: configuration).run()
        } catch let error as IOError where error.errnoCode == EADDRINUSE {
            throw ValidationError(
                "\(host) port \(port) is in use by another program; --port takes another, 0 a free one")
        }
    }

    /// - Throws: `CommandError` if anybody who reaches this machine could run scripts on it.
    private func gatekeeper(_ store: Store, _ audit: AuditLog, _ logger: Logger) async throws -> Gatekeeper {
        let grants = try await store.tokens().grants
        let isLoopback = try ListeningPlace.isLoopback(host, port: port)
        guard isLoopback || !grants.isEmpty else {
            await store.close()
            throw CommandError(
                "without tokens the server listens on loopback only, and '\(host)' is not: make a token first, such as\n"
                    + "  lachesisd token create --data '\(data)' --role admin")
        }
        let gatekeeper = Gatekeeper(
            grants: grants, isLoopback: isLoopback, hosts: hosts, audit: audit, logger: logger)
        gatekeeper.sayWhoMay()
        if !isLoopback, sockets.tls == nil {
            logger.warning("tokens travel unencrypted: give --tls-certificate and --tls-key, or put a proxy before it")
        }
        return gatekeeper
    }
}

extension Store: EstimatorStorage {
    package func mayPass(_ error: any Error) -> Bool {
        guard let error = error as? StoreError else { return false }
        return [.full, .io, .locked, .closed].contains(error.code)
    }

    package func lastSequence(of battery: BatteryName) -> Int64 { recordCount(of: battery) }
}
