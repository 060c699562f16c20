package import Hummingbird
package import LachesisFleet
package import LachesisModel
package import LachesisPages
package import LachesisSocket
package import LachesisStore
package import Logging

/// The server's HTTP side: routes, pages and sockets over a store and a fleet.
package struct APIServer: Sendable {
    package let store: Store
    package let fleet: Fleet
    package let roster: HostRoster
    package let limits: Limits
    package let version: String
    package let logger: Logger
    /// Registrations whose form-data may be in memory at once; the others wait with their bodies unread.
    let registrations = Self.turns(waiting: 256, ofToken: 64)
    /// Requests whose records may be in memory at once; the others wait likewise. They are quick, and many devices may share a token.
    let bulkUploads = Self.turns(waiting: 1_024, ofToken: 512)
    let decoding = DecodingQueues()
    let uploads = OpenUploads()
    let gatekeeper: Gatekeeper
    let eventFeed: EventFeed
    let pages: PageRenderer
    let plots: PlotLibrary
    /// Whether browsers reach the server over its own TLS.
    let isEncrypted: Bool

    package init(
        store: Store, fleet: Fleet, roster: HostRoster, gatekeeper: Gatekeeper, pages: PageRenderer,
        plots: PlotLibrary, isEncrypted: Bool, limits: Limits, version: String, logger: Logger
    ) {
        (self.pages, self.plots, self.isEncrypted) = (pages, plots, isEncrypted)
        (self.store, self.fleet, self.roster, self.gatekeeper) = (store, fleet, roster, gatekeeper)
        (self.limits, self.version, self.logger) = (limits, version, logger)
        eventFeed = EventFeed(board: fleet.board)
    }

    /// What keeps to the tokens as they are made and revoked.
    package var accessWatch: AccessWatch {
        AccessWatch(store: store, gatekeeper: gatekeeper, uploads: uploads, logger: logger)
    }

    /// - Parameters:
    ///   - sockets: settings of connections; the size of a message is set here.
    ///   - onListening: told the port once requests are answered.
    package func application(
        host: String, port: Int, sockets: SocketConfiguration, onListening: @escaping @Sendable (Int) -> Void
    ) -> some ApplicationProtocol {
        let router = Router(context: APIContext.self)
        router.add(middleware: ErrorMiddleware())
        router.add(middleware: AccessMiddleware(gatekeeper: gatekeeper))
        addStatusRoutes(to: router)
        addMetadataRoutes(to: router)
        addDataRoutes(to: router)
        addUploadRoutes(to: router)
        addDeletionRoutes(to: router)
        addEstimatorRoutes(to: router)
        addLogRoutes(to: router)
        addEventRoutes(to: router)
        addDescriptionRoutes(to: router)
        addCheckRoutes(to: router)
        addWorkerRoutes(to: router)
        addHealthRoutes(to: router)
        addMetricsRoutes(to: router)
        addVersionRoutes(to: router)
        addPageRoutes(to: router)
        addResidualRoute(to: router)
        addLoginRoutes(to: router)
        let paths = Set(router.routes.map { "\($0.path)" }).sorted()
        logger.debug("routes: \(paths.joined(separator: " "))")
        var sockets = sockets
        sockets.maxMessageSize = limits.recordBytes + 1
        let polls = StatusPolls(board: fleet.board, gatekeeper: gatekeeper)
        let upgrade = UploadUpgrade(
            store: store, uploads: uploads, gatekeeper: gatekeeper, limits: limits, logger: logger)
        return Application(
            router: router,
            server: .http1(withSockets: sockets, promptly: { polls.answer($0, on: $1) }) { upgrade.decide($0) },
            configuration: ApplicationConfiguration(address: .hostname(host, port: port)),
            onServerRunning: { channel in onListening(channel.localAddress?.port ?? port) },
            logger: logger)
    }
}
