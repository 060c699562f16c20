package import LachesisModel
internal import Synchronization

/// What scripts wrote to their standard output and error since the server's start, by battery; the latest of each, as much as its
/// limits allow.
package final class ScriptLogs: Sendable {
    package struct Entry: Sendable, Equatable {
        /// When its beginning came. Unix seconds.
        package var time: Double
        /// Of the estimator whose script wrote it.
        package var version: Int
        /// A line, without its end; of a line that has not ended, so much as has come.
        package var text: String
    }

    /// A script has met a limit of its log for the first time: its battery, its version, which limit.
    typealias Notice = @Sendable (_ battery: String, _ version: Int, _ problem: String) -> Void

    /// Bytes that an entry takes beside its text, so that a flood of empty lines is bounded too.
    static let overhead = 32

    private let logs = Mutex<[String: ScriptLog]>([:])
    private let notice = Mutex<Notice?>(nil)

    package init() {}

    package func log(of battery: BatteryName) -> ScriptLog? { logs.withLock { $0[battery.text] } }

    /// What a process wrote that is no battery's estimator; it is forgotten then.
    func take(_ label: String) -> String {
        logs.withLock { $0.removeValue(forKey: label) }?.entries.map(\.text).joined(separator: "\n") ?? ""
    }

    func remove(_ battery: BatteryName) { logs.withLock { $0[battery.text] = nil } }

    /// - Parameter notice: called on whatever thread output comes.
    func whenLimited(_ notice: @escaping Notice) { self.notice.withLock { $0 = notice } }

    /// - Parameters:
    ///   - bytes: what is not UTF-8 becomes U+FFFD.
    ///   - dropped: bytes before them that were cut.
    ///   - limits: the script's.
    ///   - time: Unix seconds.
    func append(
        _ bytes: [UInt8], dropped: Int, to battery: String, version: Int, limits: WorkerLimits, time: Double
    ) {
        let (before, after) = logs.withLock { logs in
            let before = logs[battery]?.problem(of: version)
            // In place: a copy of the whole log for every line would make a chatty script everybody's affair.
            logs[battery, default: ScriptLog()].append(
                bytes, dropped: dropped, version: version, limits: limits, time: time)
            return (before, logs[battery]?.problem(of: version))
        }
        guard let after, after != before else { return }
        notice.withLock { $0 }?(battery, version, after)
    }
}
