internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import LachesisPages

extension APIServer {
    /// `/login` and `/logout`: a token as a cookie, for browsers.
    func addLoginRoutes(to router: Router<APIContext>) {
        router.endpoint(
            "/login", takesQuery: true,
            [
                .get: { [self] request, context in
                    let lacks = try request.queryText("lacks")
                    let next = LoginRedirect.place(try request.queryText("next"))
                    return loginPage(
                        request, context, next: next,
                        problem: lacks == nil ? nil : "Your token lacks the role that this page needs.")
                },
                .post: { [self] in try await logIn($0, $1) },
            ])
        router.endpoint(
            "/logout", takesQuery: true, [.post: { _, _ in .redirect("/login", cookie: AccessCookie.removing) }])
    }

    /// What the form of the page sends.
    private struct LoginForm: Decodable {
        let token: String
        let next: String?
    }

    private func logIn(_ request: Request, _ context: APIContext) async throws -> Response {
        let type = request.headers[.contentType]?.lowercased() ?? ""
        guard type.hasPrefix("application/x-www-form-urlencoded") else {
            throw APIError(.unsupportedMediaType, "the token comes as application/x-www-form-urlencoded")
        }
        let body = try await request.body.collect(upTo: 8 << 10)
        guard let form = try? URLEncodedFormDecoder().decode(LoginForm.self, from: String(buffer: body)) else {
            throw APIError.invalid(["body", "token"], "the form has no field 'token', or more than one")
        }
        let next = LoginRedirect.place(form.next)
        if gatekeeper.isOpen { return .redirect(next) }
        let token = form.token.trimmingCharacters(in: .whitespacesAndNewlines)
        do throws(AccessDenial) {
            _ = try gatekeeper.caller(showing: token, Gatekeeper.Arrival(request, context))
        } catch {
            return loginPage(
                request, context, next: next, problem: "The server does not know this token.", status: .unauthorized)
        }
        // Behind a proxy with TLS only the browser knows of it.
        let isSecure = isEncrypted || request.headers[.origin]?.hasPrefix("https://") == true
        return .redirect(next, cookie: AccessCookie.setting(token, isSecure: isSecure))
    }

    private func loginPage(
        _ request: Request, _ context: APIContext, next: String, problem: String?, status: HTTPResponse.Status = .ok
    ) -> Response {
        .page(
            pages.render(LoginPage(next: next, problem: problem), in: frame(request, context)), status: status,
            to: request)
    }
}
