package import LachesisModel
internal import Synchronization

/// Batteries whose estimators were removed lately, so that those who follow the board by its revisions hear of it.
struct Removals {
    /// Removals that are remembered; who asks for older changes than these is not told of the others.
    static let capacity = 1_024

    /// By battery, the revision at which it was.
    private(set) var revisions: [BatteryName: Int] = [:]
    /// Removals up to this revision may be forgotten.
    private(set) var horizon = 0

    mutating func note(_ battery: BatteryName, revision: Int) {
        revisions[battery] = revision
        guard revisions.count > Self.capacity, let oldest = revisions.min(by: { $0.value < $1.value }) else { return }
        revisions[oldest.key] = nil
        horizon = oldest.value
    }

    /// The battery has an estimator again.
    mutating func forget(_ battery: BatteryName) { revisions[battery] = nil }
}

extension StatusBoard {
    /// What became of one battery's estimator since some revision.
    package struct Change: Sendable {
        package let battery: BatteryName
        /// The board's when it changed last.
        package let revision: Int
        /// The status, JSON; nil if the estimator was removed.
        package let json: [UInt8]?
    }

    package struct Changes: Sendable {
        /// The board's revision: nothing up to it is missing.
        package var revision: Int
        /// In the order of their revisions.
        package var changes: [Change]
        /// Removals up to this revision may be missing.
        package var horizon: Int
    }

    /// Counts changes; grows from one start of the server to the next.
    package var revision: Int { state.withLock(\.revision) }

    /// The latest change of each battery that changed after a revision.
    package func changes(after revision: Int) -> Changes {
        let (now, changed, removals) = state.withLock { state in
            (state.revision, state.entries.filter { $0.value.revision > revision }, state.removals)
        }
        // Rendered outside the lock, as the body is.
        var fresh: [BatteryName: Body] = [:]
        var changes: [Change] = []
        for (battery, entry) in changed {
            let body = entry.rendered ?? render(entry)
            if entry.rendered == nil { fresh[battery] = body }
            changes.append(Change(battery: battery, revision: entry.revision, json: body.bytes))
        }
        for (battery, removal) in removals.revisions where removal > revision {
            changes.append(Change(battery: battery, revision: removal, json: nil))
        }
        state.withLock { Self.keep(fresh, of: changed, in: &$0) }
        changes.sort { $0.revision < $1.revision }
        return Changes(revision: now, changes: changes, horizon: removals.horizon)
    }
}
