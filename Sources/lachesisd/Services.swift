import LachesisFleet
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

/// Runs the fleet; when the server shuts down, the workers save their state before they are ended.
struct FleetService: Service {
    /// Bound of saving the workers' states.
    static let settlingTime = Duration.milliseconds(1500)

    let fleet: Fleet

    func run() async throws {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await fleet.run() }
            group.addTask {
                try? await gracefulShutdown()
                await fleet.settle(within: Self.settlingTime)
            }
            await group.next()
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
