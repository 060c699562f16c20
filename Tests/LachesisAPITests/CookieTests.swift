import HTTPTypes
import LachesisModel
import LachesisStore
import Testing

@testable import LachesisAPI

@Suite struct CookieTests {
    @Test func exactlyOneTokenIsTakenFromCookies() {
        let token = TokenSecret()
        func secret(_ cookies: String...) -> TokenSecret? {
            var fields: HTTPFields = [:]
            for cookie in cookies { fields.append(HTTPField(name: .cookie, value: cookie)) }
            return AccessCookie.secret(in: fields)
        }
        #expect(secret("lachesis_token=\(token.text)") == token)
        #expect(secret("a=b; lachesis_token=\(token.text); c=d") == token)
        #expect(secret("a=b", "lachesis_token=\(token.text)") == token)
        #expect(secret() == nil)
        #expect(secret("lachesis_token=") == nil)
        #expect(secret("xlachesis_token=\(token.text)") == nil)
        #expect(secret("lachesis_token=\(token.text)x") == nil)
        #expect(secret("lachesis_token=\(token.text); lachesis_token=\(TokenSecret().text)") == nil)
    }

    @Test func cookiesAreOutOfReachOfScriptsAndOtherSites() {
        let plain = AccessCookie.setting("t", isSecure: false)
        #expect(plain == "lachesis_token=t; Path=/; HttpOnly; SameSite=Strict")
        #expect(AccessCookie.setting("t", isSecure: true) == plain + "; Secure")
        #expect(AccessCookie.removing.contains("Max-Age=0"))
    }

    @Test(arguments: [
        ("http://127.0.0.1:8000", "127.0.0.1:8000", true), ("https://lab.example", "lab.example", true),
        ("https://lab.example:443", "lab.example", true), ("http://lab.example", "lab.example:80", true),
        ("HTTP://Lab.example", "lab.EXAMPLE", true), ("http://[::1]:8000", "[::1]:8000", true),
        ("http://127.0.0.1:8001", "127.0.0.1:8000", false), ("http://127.0.0.1", "127.0.0.1:8000", false),
        ("null", "127.0.0.1:8000", false), ("", "", false), ("ftp://a", "a", false), ("http://a.b", "b", false),
    ])
    func anOriginIsThisServerOnlyWithItsPort(origin: String, authority: String, isSame: Bool) {
        #expect(HostRules.isOrigin(origin, of: authority) == isSame)
    }

    @Test(arguments: [
        ("/", "/"), ("/dashboard/Cell%201?x=1", "/dashboard/Cell%201?x=1"), ("//evil.example", "/"),
        ("/\\evil.example", "/"), ("https://evil.example", "/"), ("", "/"), ("/a\nb", "/"), ("/a b", "/"),
        ("/login", "/"),
        ("/login?next=/", "/"), ("/ä", "/"),
    ])
    func afterLoggingInOneStaysOnThisServer(asked: String, place: String) {
        #expect(LoginRedirect.place(asked) == place)
    }
}
