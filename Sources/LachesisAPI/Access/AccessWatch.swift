internal import LachesisStore
internal import Logging
internal import ServiceLifecycle

/// Looks once a second whether tokens were made or revoked, and closes the uploads of those who may no longer.
package struct AccessWatch: Service {
    static let interval = Duration.seconds(1)

    let store: Store
    let gatekeeper: Gatekeeper
    let uploads: OpenUploads
    let logger: Logger

    package func run() async {
        await cancelWhenGracefulShutdown { await watch() }
    }

    private func watch() async {
        var known: TokenMark?
        var isFailing = false
        while (try? await Task.sleep(for: Self.interval)) != nil {
            do throws(StoreError) {
                let mark = try await store.tokenMark()
                if mark != known {
                    let (grants, mark) = try await store.tokens()
                    known = mark
                    gatekeeper.update(grants)
                    uploads.closeStrangers(by: gatekeeper)
                }
                isFailing = false
            } catch {
                guard error.code != .closed, error.code != .cancelled else { return }
                // The tokens that were known stay so: a disk that fails for a moment must not let anybody in or out.
                if !isFailing { logger.error("the tokens cannot be read", metadata: ["error": "\(error)"]) }
                isFailing = true
            }
        }
    }
}
