/// What a token may be used for.
package enum Role: String, Sendable, CaseIterable {
    /// Everything that only looks: all that is asked with GET.
    case read
    /// Records, over the WebSocket.
    case upload
    /// Metadata and estimators.
    case register
    /// Everything, deletion too.
    case admin
}
