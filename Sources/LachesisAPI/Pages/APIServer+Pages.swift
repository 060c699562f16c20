internal import Hummingbird
internal import LachesisFleet
internal import LachesisModel
internal import LachesisPages
internal import LachesisStore

extension APIServer {
    /// `/`, `/dashboard/{name}`, `/workers` and what they are made of.
    func addPageRoutes(to router: Router<APIContext>) {
        router.endpoint(
            "/", takesQuery: true,
            [
                .get: { [self] request, context in
                    let page = FleetPage(
                        batteries: store.stats().map(facts), missingLayers: fleet.board.missingLayers.map(\.rawValue))
                    return .page(pages.render(page, in: frame(request, context)), to: request)
                }
            ])
        router.endpoint("/dashboard/{name}", takesQuery: true, [.get: { [self] in try await battery($0, $1) }])
        router.endpoint(
            "/workers", takesQuery: true,
            [
                .get: { [self] request, context in
                    .page(pages.render(WorkersPage(), in: frame(request, context)), to: request)
                }
            ])
        router.endpoint(
            "/docs", takesQuery: true,
            [
                .get: { [self] request, context in
                    .page(pages.render(DocsPage(), in: frame(request, context)), to: request)
                }
            ])
        router.endpoint(
            "/static/{file}", takesQuery: true,
            [.get: { request, context in try Self.file(among: StaticFile.all, request, context) }])
        router.endpoint(
            "/static/dygraphs/{file}", takesQuery: true,
            [.get: { [plots] request, context in try Self.file(among: plots.files, request, context) }])
    }

    private func battery(_ request: Request, _ context: APIContext) async throws -> Response {
        let name = try context.battery()
        guard let stats = store.stats(of: name) else {
            return .page(
                pages.render(MissingPage(name: name.text), in: frame(request, context)), status: .notFound, to: request)
        }
        let metadata = stats.hasMetadata ? try await store.metadata(of: name) : nil
        let page = BatteryPage(battery: facts(stats), metadata: metadata, plotProblem: plots.problem)
        return .page(pages.render(page, in: frame(request, context)), to: request)
    }

    private func facts(_ stats: BatteryStats) -> BatteryFacts {
        BatteryFacts(
            stats: stats,
            estimator: fleet.board.status(of: stats.name).map { status in
                EstimatorFacts(
                    registered: status.estimator, phase: status.phase.rawValue, waiting: status.waiting,
                    restarts: status.restarts, lastError: status.problem ?? status.estimator.snapshot.lastError,
                    checkpointProblem: status.checkpointProblem)
            })
    }

    func frame(_ request: Request, _ context: APIContext) -> PageFrame {
        let visitor: PageFrame.Visitor =
            switch context.caller {
            case .local: .local
            case .nobody: gatekeeper.isOpen ? .local : .nobody
            case .bearer(let grant): .token(label: grant.label, isAdmin: grant.has(.admin))
            }
        let scheme = isEncrypted ? "https" : "http"
        return PageFrame(
            visitor: visitor, address: "\(scheme)://\(request.head.authority ?? "127.0.0.1")", version: version)
    }

    private static func file(
        among files: [String: StaticFile], _ request: Request, _ context: APIContext
    ) throws -> Response {
        guard let file = files[try context.parameters.require("file")] else {
            throw APIError(.notFound, "there is nothing at this path")
        }
        return .file(file, to: request)
    }
}
