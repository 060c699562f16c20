package import LachesisModel
internal import Synchronization

/// The latest status of every estimator, as JSON that is ready to send: no poll waits for Python or the database.
package final class StatusBoard: Sendable {
    struct Entry {
        var status: EstimatorStatus
        /// Its JSON; nil after a change.
        var rendered: [UInt8]?
        /// The board's revision when it changed last.
        var revision: Int

        /// Whether its JSON is at hand and short, or made of few numbers.
        var isLight: Bool {
            rendered.map { $0.count <= StatusBoard.lightBytes } ?? (status.estimator.snapshot.covariance.count <= 256)
        }
    }

    struct State {
        var entries: [BatteryName: Entry] = [:]
        /// The whole body; nil after a change.
        var body: [UInt8]?
        /// Counts changes.
        var revision: Int
        /// Batteries whose estimators were removed, with the revision at which they were.
        var removals = Removals()
    }

    /// A body, and which one it is: another of the same tag is the same.
    package struct Body: Sendable {
        package let bytes: [UInt8]
        /// An entity tag of HTTP, in quotes: the count of changes, and what no other server's life has.
        package let tag: String
    }

    private static let lightBytes = 64 << 10

    /// Layers of the sandbox that workers go without.
    package let missingLayers: [SandboxLayer]
    let state: Mutex<State>
    private let life = UInt64.random(in: .min ... .max)

    /// - Parameter session: the server's start counter; revisions of later sessions are larger.
    package init(missingLayers: [SandboxLayer] = [], session: UInt32 = 0) {
        self.missingLayers = missingLayers
        state = Mutex(State(revision: Int(session) << 32))
    }

    /// Tag of the body of `/online/status` as it is now, without making it.
    package var tag: String { tag(of: state.withLock { $0.revision }) }

    /// Tag of one battery's status, likewise; nil if it has no estimator.
    package func tag(of battery: BatteryName) -> String? {
        state.withLock { $0.entries[battery]?.revision }.map { tag(of: $0) }
    }

    /// Whether the body of one battery's status, or of all, takes microseconds.
    package func isLight(_ battery: BatteryName? = nil) -> Bool {
        state.withLock { state in
            if let battery { return state.entries[battery]?.isLight ?? true }
            if let body = state.body { return body.count <= Self.lightBytes }
            return state.entries.count <= 32 && state.entries.values.allSatisfy(\.isLight)
        }
    }

    /// Body of `/online/status`: an object with a member for each battery that has an estimator, in the order of their names.
    package func body() -> Body {
        let (known, revision, entries) = state.withLock { ($0.body, $0.revision, $0.entries) }
        if let known { return Body(bytes: known, tag: tag(of: revision)) }
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
        return Body(bytes: body, tag: tag(of: revision))
    }

    /// Body of `/online/status/{name}`; nil if the battery has no estimator.
    package func body(of battery: BatteryName) -> Body? {
        guard let entry = state.withLock({ $0.entries[battery] }) else { return nil }
        if let known = entry.rendered { return Body(bytes: known, tag: tag(of: entry.revision)) }
        let part = render(entry.status)
        state.withLock { state in
            if state.entries[battery]?.revision == entry.revision { state.entries[battery]?.rendered = part }
        }
        return Body(bytes: part, tag: tag(of: entry.revision))
    }

    /// Body of `/online/status` with these batteries alone, of which those without an estimator are left out.
    /// - Parameter tag: the board's, from before.
    package func body(of batteries: Set<BatteryName>, tag: String) -> Body {
        var json = JSONWriter(capacity: 4_096 * batteries.count)
        json.beginObject()
        for battery in batteries.sorted() {
            guard let part = body(of: battery) else { continue }
            json.key(battery.text)
            json.raw(part.bytes)
        }
        json.endObject()
        return Body(bytes: json.bytes, tag: tag)
    }

    private func tag(of revision: Int) -> String {
        "\"\(String(life, radix: 36))-\(String(revision, radix: 36))\""
    }

    package func status(of battery: BatteryName) -> EstimatorStatus? { state.withLock { $0.entries[battery]?.status } }

    /// In the order of the batteries' names.
    package func statuses() -> [EstimatorStatus] {
        state.withLock { $0.entries.values.map(\.status) }.sorted { $0.estimator.battery < $1.estimator.battery }
    }

    package func phases() -> [EstimatorStatus.Phase] { state.withLock { $0.entries.values.map(\.status.phase) } }

    /// Adds an estimator, or replaces the one of the same battery.
    func install(_ status: EstimatorStatus) {
        state.withLock { state in
            state.body = nil
            state.revision += 1
            state.entries[status.estimator.battery] = Entry(status: status, revision: state.revision)
            state.removals.forget(status.estimator.battery)
        }
    }

    func remove(_ battery: BatteryName) {
        state.withLock { state in
            guard state.entries.removeValue(forKey: battery) != nil else { return }
            state.body = nil
            state.revision += 1
            state.removals.note(battery, revision: state.revision)
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
        state.body = nil
        state.revision += 1
        state.entries.values[index].rendered = nil
        state.entries.values[index].revision = state.revision
    }

    func render(_ status: EstimatorStatus) -> [UInt8] {
        var json = JSONWriter(capacity: 4_096)
        status.write(to: &json, missingLayers: missingLayers)
        return json.bytes
    }
}
