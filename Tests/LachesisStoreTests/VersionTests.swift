import Foundation
import GRDB
import LachesisModel
import Testing

@testable import LachesisStore

/// Registrations that were replaced, and holds.
@Suite struct VersionTests {
    private let cell = try! BatteryName("cell")

    private func registration(_ definition: String, files: [ScriptFile] = []) -> Registration {
        var registration = Registration(
            battery: cell, plugin: "kalman", definition: definition, files: files, validTime: 2, seedsInputs: false)
        registration.limits.threads = 3
        registration.acceleration = .shortcuts
        return registration
    }

    private func register(_ registration: Registration, in store: Store) async throws {
        _ = try await store.register(registration, description: .example, snapshot: .initial, epoch: 1)
    }

    @Test func aReplacedVersionIsKeptWithItsFiles() async throws {
        let before = Date().timeIntervalSince1970
        let first = registration(
            "a", files: [ScriptFile(name: "f", content: [1, 2]), ScriptFile(name: "g", content: [])])
        let second = registration("b", files: [ScriptFile(name: "f", content: [3])])
        try await withFolder { folder in
            try await withStore(in: folder) { store in
                try await register(first, in: store)
                try await register(second, in: store)
            }
            try await withStore(in: folder) { store in
                let versions = try await store.versions(of: cell)
                #expect(versions.map(\.version) == [2, 1] && versions.map(\.isCurrent) == [true, false])
                #expect(versions.map(\.registration.definition) == ["", ""], "a list is read without the scripts")
                #expect(try await store.version(2, of: cell).registration.definition == "b")
                #expect(versions.map(\.className) == ["Example", "Example"])
                #expect(versions[1].files.map(\.name) == ["f", "g"] && versions[1].files.map(\.bytes) == [2, 0])
                #expect(versions[1].registration.limits.threads == 3)
                #expect(versions.map(\.registration.acceleration) == [.shortcuts, .shortcuts])
                for version in versions { #expect(try #require(version.registered) >= before) }
                #expect(try await store.registration(of: cell) == second)
                #expect(try await store.registration(of: cell, version: 1) == first)
                let alone = try await store.version(1, of: cell)
                #expect(alone.registration.definition == "a" && alone.files == versions[1].files)
                await expect(.unknownVersion) { try await store.version(3, of: cell) }
            }
            #expect(try Store.check(folder: folder).problems == [])
        }
    }

    @Test func onlyTheLatestAreKept() async throws {
        try await withFolder { folder in
            try await withStore(in: folder) { store in
                for number in 0...VersionHistory.kept + 3 {
                    try await register(
                        registration("\(number)", files: [ScriptFile(name: "f", content: [7])]), in: store)
                }
                let versions = try await store.versions(of: cell)
                #expect(versions.count == VersionHistory.kept + 1)
                #expect(versions.first?.version == VersionHistory.kept + 4)
                let files = try await store.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM lachesis_files") }
                #expect(files == VersionHistory.kept + 1)
                _ = try await store.delete(cell)
                try await register(registration("anew"), in: store)
                #expect(try await store.versions(of: cell).map(\.version) == [VersionHistory.kept + 5])
            }
            #expect(try Store.check(folder: folder).problems == [])
        }
    }

    @Test func aHoldOutlivesTheStoreAndEndsWithTheNextRegistration() async throws {
        try await withFolder { folder in
            try await withStore(in: folder) { store in
                let estimator = try await store.register(cell)
                try await store.setHold(.paused, of: cell, version: 1)
                // A result that comes later leaves it as it is.
                #expect(try await store.commit(.rows([1], of: estimator, epoch: 1, cursor: 1)))
                #expect(store.estimator(of: cell)?.hold == .paused)
                await expect(.unknownEstimator) { try await store.setHold(nil, of: cell, version: 2) }
            }
            try await withStore(in: folder) { store in
                #expect(store.estimator(of: cell)?.hold == .paused)
                try await store.setHold(.stopped, of: cell, version: 1)
                #expect(store.estimators().map(\.hold) == [.stopped])
                #expect(try await store.register(cell).hold == nil)
            }
            try await withStore(in: folder) { store in #expect(store.estimator(of: cell)?.hold == nil) }
        }
    }

    @Test func howAnEstimatorIsAcceleratedOutlivesTheStore() async throws {
        var state = AccelerationState(inUse: .full)
        try await withFolder { folder in
            try await withStore(in: folder) { [state] store in
                let registration = registration("a")
                let estimator = try await store.register(
                    registration, description: .example, snapshot: .initial, acceleration: state, epoch: 1)
                #expect(estimator.acceleration == .shortcuts && estimator.accelerationState == state)
                // A result without news leaves it as it is.
                #expect(try await store.commit(.rows([1], of: estimator, epoch: 1, cursor: 1)))
                #expect(store.estimator(of: cell) != estimator)
                #expect(store.estimator(of: cell)?.accelerationState == state)
            }
            state.fell(.init(level: .off, reason: "step 1,234 differed"))
            try await withStore(in: folder) { [state] store in
                let estimator = try #require(store.estimator(of: cell))
                #expect(estimator.accelerationState == AccelerationState(inUse: .full))
                // Not progress: it may be found in a replay.
                var commit = EstimateCommit.rows([1], of: estimator, epoch: 2)
                commit.acceleration = state
                #expect(try await store.commit(commit))
                commit.epoch = 1
                commit.acceleration = AccelerationState(inUse: .full)
                #expect(try await store.commit(commit) == false)
            }
            try await withStore(in: folder) { [state] store in
                #expect(store.estimator(of: cell)?.accelerationState == state)
                let again = try await store.register(cell)
                #expect(again.accelerationState == nil, "a new version begins anew")
            }
            #expect(try Store.check(folder: folder).problems == [])
        }
    }

    @Test func theTimeOfTheNextRecordBehindACursorIsKnown() async throws {
        try await withFolder { folder in
            try await withStore(in: folder) { store in
                let absent = try BatteryName("absent")
                try await store.store(["a": 1], ["a": 2], to: cell)
                #expect(try await store.receivedTimes(after: [cell: 1, absent: 0]) == [cell: 1_001])
                #expect(try await store.receivedTimes(after: [cell: 2, absent: 0]) == [:])
                #expect(try await store.receivedTimes(after: [:]) == [:])
            }
        }
    }
}
