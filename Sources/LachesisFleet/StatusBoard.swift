package import LachesisModel
internal import Synchronization

/// The latest status of every estimator, and its JSON, which the first poll after a change makes and others share: no poll waits for
/// Python or the database.
package final class StatusBoard: Sendable {
    struct Entry {
        var status: EstimatorStatus
        /// Its JSON; nil after a change, until somebody asks.
        var rendered: Body?
        /// The board's revision when it changed last.
        var revision: Int

        /// Whether its JSON is at hand and short, or made of few numbers.
        var isLight: Bool {
            rendered.map(\.isLight) ?? (status.estimator.snapshot.covariance.count <= 256)
        }
    }

    struct State {
        var entries: [BatteryName: Entry] = [:]
        /// The whole body; nil after a change, until somebody asks.
        var body: Body?
        /// Counts changes.
        var revision: Int
        /// Batteries whose estimators were removed, with the revision at which they were.
        var removals = Removals()
    }

    /// A body, and which one it is: another of the same question and tag is the same, or knows of changes since.
    package struct Body: Sendable {
        package let bytes: [UInt8]
        /// An entity tag of HTTP, in quotes: the count of changes, and what no other server's life has.
        package let tag: String

        /// Whether sending it takes microseconds.
        fileprivate var isLight: Bool { bytes.count <= 64 << 10 }
    }

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

    /// Body of `/online/status`, as `body()` gives it, where that takes microseconds; else nil.
    package func lightBody() -> Body? {
        let (known, isLight) = state.withLock { state in
            (
                state.body,
                state.body?.isLight ?? (state.entries.count <= 32 && state.entries.values.allSatisfy(\.isLight))
            )
        }
        return isLight ? known ?? body() : nil
    }

    /// Body of `/online/status/{name}`, likewise; nil also if the battery has no estimator.
    package func lightBody(of battery: BatteryName) -> Body? {
        let (known, isLight) = state.withLock { state in
            state.entries[battery].map { ($0.rendered, $0.isLight) } ?? (nil, false)
        }
        return isLight ? known ?? body(of: battery) : nil
    }

    /// Body of `/online/status`: an object with a member for each battery that has an estimator, in the order of their names.
    package func body() -> Body {
        let (known, revision, entries) = state.withLock { ($0.body, $0.revision, $0.entries) }
        if let known { return known }
        // Rendered outside the lock, so that a long list holds up no estimator.
        var fresh: [BatteryName: Body] = [:]
        var json = JSONWriter(capacity: 4_096 * entries.count + 2)
        json.beginObject()
        for (name, entry) in entries.sorted(by: { $0.key < $1.key }) {
            let part = entry.rendered ?? render(entry)
            if entry.rendered == nil { fresh[name] = part }
            json.key(name.text)
            json.raw(part.bytes)
        }
        json.endObject()
        let body = Body(bytes: json.bytes, tag: tag(of: revision))
        state.withLock { state in
            Self.keep(fresh, of: entries, in: &state)
            if state.revision == revision { state.body = body }
        }
        return body
    }

    /// Body of `/online/status/{name}`; nil if the battery has no estimator.
    package func body(of battery: BatteryName) -> Body? {
        guard let entry = state.withLock({ $0.entries[battery] }) else { return nil }
        if let known = entry.rendered { return known }
        let part = render(entry)
        state.withLock { Self.keep([battery: part], of: [battery: entry], in: &$0) }
        return part
    }

    /// Body of `/online/status` with these batteries alone, of which those without an estimator are left out.
    /// - Parameter tag: the board's, from before: a change in between may be in the body already, and then has another tag.
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

    func render(_ entry: Entry) -> Body {
        var json = JSONWriter(capacity: 4_096)
        entry.status.write(to: &json, missingLayers: missingLayers)
        return Body(bytes: json.bytes, tag: tag(of: entry.revision))
    }

    /// Keeps what was rendered of these entries, as far as they have not changed meanwhile.
    static func keep(_ fresh: [BatteryName: Body], of entries: [BatteryName: Entry], in state: inout State) {
        for (battery, body) in fresh where state.entries[battery]?.revision == entries[battery]?.revision {
            state.entries[battery]?.rendered = body
        }
    }
}
