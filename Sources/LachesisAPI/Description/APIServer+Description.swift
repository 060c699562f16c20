internal import Hummingbird

extension APIServer {
    /// `/openapi.json`: what this interface is, for programs.
    func addDescriptionRoutes(to router: Router<APIContext>) {
        router.endpoint("/openapi.json", takesQuery: true, [.get: { _, _ in .json(PackageResources.openapi_json) }])
    }
}
