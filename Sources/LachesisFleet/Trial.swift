internal import Foundation
internal import LachesisModel
internal import Synchronization

/// The output of a script that is only tried: kept apart from the battery's log, and forgotten with the trial.
final class Trial: Sendable {
    /// Under which its processes write; no battery can be named so.
    let label: String
    private let text = Mutex("")

    init(of battery: BatteryName) { label = "trial/\(UUID().uuidString)/\(battery)" }

    /// Takes what a process wrote, once it has ended.
    func take(_ logs: ScriptLogs) {
        let more = logs.take(label)
        text.withLock { $0 += more }
    }

    /// What all its processes wrote that have ended.
    var output: String { text.withLock(\.self) }
}
