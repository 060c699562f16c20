/// What a token may be used for.
package enum Role: String, Sendable, CaseIterable {
    /// Looks at everything but the workers.
    case read
    /// Records, over the WebSocket or with POST.
    case upload
    /// Metadata; estimators, also to try them, to roll them back and to delete them.
    case register
    /// Everything: the workers and the deletion of batteries, too.
    case admin
}
