internal import LachesisWire

/// Whether the server can do what it is for, and if not, why: pure.
///
/// A script that ends its process again and again is its owner's affair, and none of the server's.
struct Readiness: Equatable {
    /// Bytes that the disk must have left: less, and the next commits fail.
    static let leastFreeBytes = 16 << 20

    /// Sentences; none if it is ready.
    let reasons: [String]

    var isReady: Bool { reasons.isEmpty }

    /// - Parameters:
    ///   - needs: how many estimators that may run need each plugin.
    ///   - trouble: why nothing can be written; nil if it can.
    ///   - freeBytes: nil if not known.
    init(hosts: Int, plugins: [PluginReport], needs: [String: Int], trouble: String?, freeBytes: Int?) {
        var reasons: [String] = []
        if hosts == 0 { reasons.append("no host is connected that could run workers") }
        for (name, count) in needs.sorted(by: { $0.key < $1.key }) where hosts > 0 {
            let plugin = plugins.first { $0.name == name }
            let state: String? =
                switch plugin?.state {
                case .ready: nil
                case .warming: "is not warm yet"
                case .failed: "cannot run: \(plugin?.detail ?? "unknown reason")"
                case nil: "is not there"
                }
            let users = count == 1 ? "an estimator needs" : "\(count) estimators need"
            if let state { reasons.append("the plugin '\(name)', which \(users), \(state)") }
        }
        if let trouble { reasons.append("nothing can be stored: \(trouble)") }
        if let freeBytes, freeBytes < Self.leastFreeBytes {
            reasons.append("the disk is full: \(freeBytes) bytes are left")
        }
        self.reasons = reasons
    }
}
