/// Layouts that one sender's records have had: records of two kinds that take turns cost no layout each.
package struct LayoutCache {
    /// Keys of all layouts together. A layout that finds no room makes all others leave.
    static let keys = 1_024

    private var known: [[String]: RecordLayout] = [:]
    private var keyCount = 0

    package init() {}

    /// The layout of keys that somebody sent.
    /// - Throws: `RecordRefusal` as `RecordLayout` does.
    package mutating func layout(of keys: [String], _ limits: Limits) throws(RecordRefusal) -> RecordLayout {
        if let layout = known[keys] { return layout }
        let layout = try RecordLayout(checking: keys, limits)
        // One without keys counts, too.
        let count = keys.count + 1
        if keyCount + count > Self.keys { (known, keyCount) = ([:], 0) }
        if count <= Self.keys {
            known[keys] = layout
            keyCount += count
        }
        return layout
    }
}
