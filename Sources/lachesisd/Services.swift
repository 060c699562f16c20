import LachesisMessaging
import LachesisStore
import ServiceLifecycle

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

/// Runs a closure until the server shuts down, which cancels it.
struct CancellableService: Service {
    private let body: @Sendable () async -> Void

    init(_ body: @escaping @Sendable () async -> Void) { self.body = body }

    func run() async throws {
        await cancelWhenGracefulShutdown { await body() }
    }
}
