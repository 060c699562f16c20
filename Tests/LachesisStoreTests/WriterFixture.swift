import Dispatch
import GRDB

@testable import LachesisStore

/// Lets no transaction begin while `body` runs, so that what it appends is committed together.
func holdingTheWriter(of store: Store, _ body: () async throws -> Void) async throws {
    let (begun, release) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
    store.pool.asyncWriteWithoutTransaction { _ in
        begun.signal()
        release.wait()
    }
    defer { release.signal() }
    await withCheckedContinuation { continuation in
        DispatchQueue.global().async {
            begun.wait()
            continuation.resume()
        }
    }
    try await body()
}

/// Returns when no doomed table is left; each job that it submits lets the sweeper have one more.
func finishSweeping(_ store: Store) async throws {
    let pattern = SQLName.doomedPattern
    var isMore = true
    while isMore {
        isMore = try await store.queue.perform { transaction in
            try Int.fetchOne(
                transaction.database, sql: "SELECT 1 FROM sqlite_master WHERE name GLOB ?", arguments: [pattern]) != nil
        }
    }
}
