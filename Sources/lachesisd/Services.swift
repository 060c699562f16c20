import LachesisFleet
import LachesisMessaging
import LachesisSocket
import LachesisStore
import Logging
import ServiceLifecycle
import UnixSignals

/// Closes the store when everything that uses it has stopped.
struct StoreService: Service {
    let store: Store

    func run() async throws {
        try? await gracefulShutdown()
        await store.close()
    }
}

/// Closes the hub when no host is left.
struct HubService: Service {
    let hub: MessageHub

    func run() async throws {
        try? await gracefulShutdown()
        hub.close()
    }
}

/// Runs the fleet; when the server shuts down, the workers save their state before they are ended.
struct FleetService: Service {
    let fleet: Fleet

    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await fleet.run() }
            group.addTask {
                try? await gracefulShutdown()
                await fleet.settle(within: ShutdownTime(workers: fleet.workerCount).saving)
            }
            try await group.next()
            group.cancelAll()
        }
    }
}

/// Runs a closure until the server shuts down, which cancels it.
struct CancellableService: Service {
    private let body: @Sendable () async -> Void

    init(_ body: @escaping @Sendable () async -> Void) { self.body = body }

    func run() async throws {
        await cancelWhenGracefulShutdown { await body() }
    }
}

/// Reads certificate and key again at SIGHUP, which from its making on no longer ends the process, with or without TLS.
struct TLSReload: Service {
    private let tls: TLSIdentity?
    private let logger: Logger
    private let signals: UnixSignalsSequence

    init(tls: TLSIdentity?, logger: Logger) async {
        (self.tls, self.logger) = (tls, logger)
        signals = await UnixSignalsSequence(trapping: .sighup)
    }

    func run() async throws {
        for await _ in signals.cancelOnGracefulShutdown() {
            guard let tls else {
                logger.notice("there is nothing to read again without TLS")
                continue
            }
            do throws(TLSError) {
                try tls.reload()
                logger.notice("certificate and key are read again, for new connections")
            } catch {
                logger.error(
                    "the certificate in use stays: the new one is no good",
                    metadata: ["error": "\(error)", "underlying": "\(error.underlying.map { "\($0)" } ?? "-")"])
            }
        }
    }
}
