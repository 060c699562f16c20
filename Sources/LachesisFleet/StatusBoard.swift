package import LachesisModel
internal import Synchronization

/// The latest status of every estimator, as JSON that is ready to send: no poll waits for Python or the database.
package final class StatusBoard: Sendable {
    private struct Entry {
        var status: EstimatorStatus
        /// Its JSON; nil after a change.
        var rendered: [UInt8]?
        /// Counts changes.
        var revision = 0
    }

    private struct State {
        var entries: [BatteryName: Entry] = [:]
        /// The whole body; nil after a change.
        var body: [UInt8]?
        var revision = 0
    }

    /// Layers of the sandbox that workers go without.
    package let missingLayers: [SandboxLayer]
    private let state = Mutex(State())

    package init(missingLayers: [SandboxLayer] = []) { self.missingLayers = missingLayers }

    /// Body of `/online/status`: an object with a member for each battery that has an estimator, in the order of their names.
    package func body() -> [UInt8] {
        let (known, revision, entries) = state.withLock { ($0.body, $0.revision, $0.entries) }
        if let known { return known }
        // Rendered outside the lock, so that a long list holds up no estimator.
        var fresh: [BatteryName: [UInt8]] = [:]
        var json = JSONWriter(capacity: 4_096 * entries.count + 2)
        json.beginObject()
        for (name, entry) in entries.sorted(by: { $0.key < $1.key }) {
            let part = entry.rendered ?? render(entry.status)
            if entry.rendered == nil { fresh[name] = part }
            json.key(name.text)
            json.raw(part)
        }
        json.endObject()
        let body = json.bytes
        state.withLock { state in
            for (name, part) in fresh where state.entries[name]?.revision == entries[name]?.revision {
                state.entries[name]?.rendered = part
            }
            if state.revision == revision { state.body = body }
        }
        return body
    }

    package func status(of battery: BatteryName) -> EstimatorStatus? { state.withLock { $0.entries[battery]?.status } }

    package func phases() -> [EstimatorStatus.Phase] { state.withLock { $0.entries.values.map(\.status.phase) } }

    /// Adds an estimator, or replaces the one of the same battery.
    func install(_ status: EstimatorStatus) {
        state.withLock { state in
            let revision = state.entries[status.estimator.battery].map { $0.revision + 1 } ?? 0
            state.entries[status.estimator.battery] = Entry(status: status, revision: revision)
            state.body = nil
            state.revision += 1
        }
    }

    func remove(_ battery: BatteryName) {
        state.withLock { state in
            state.entries[battery] = nil
            state.body = nil
            state.revision += 1
        }
    }

    /// Changes an estimator's status, unless the battery has another version by now.
    func update(_ battery: BatteryName, version: Int, _ change: (inout EstimatorStatus) -> Void) {
        state.withLock { state in
            guard state.entries[battery]?.status.estimator.version == version else { return }
            Self.change(battery, in: &state, change)
        }
    }

    /// The battery has records up to `sequence` now; nothing happens if it has no estimator.
    func recordsStored(_ battery: BatteryName, last sequence: Int64) {
        state.withLock { state in
            guard state.entries[battery] != nil else { return }
            Self.change(battery, in: &state) { $0.lastSequence = max($0.lastSequence, sequence) }
        }
    }

    private static func change(_ battery: BatteryName, in state: inout State, _ change: (inout EstimatorStatus) -> Void)
    {
        guard let index = state.entries.index(forKey: battery) else { return }
        change(&state.entries.values[index].status)
        state.entries.values[index].rendered = nil
        state.entries.values[index].revision += 1
        state.body = nil
        state.revision += 1
    }

    private func render(_ status: EstimatorStatus) -> [UInt8] {
        var json = JSONWriter(capacity: 4_096)
        status.write(to: &json, missingLayers: missingLayers)
        return json.bytes
    }
}
