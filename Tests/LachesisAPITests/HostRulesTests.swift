import Testing

@testable import LachesisAPI

@Suite struct HostRulesTests {
    private let rules = try! HostRules(
        listening: "192.0.2.1", allowed: ["Lab.example", "[2001:db8::7]", "b.example:80"])

    @Test(arguments: [
        "localhost", "LOCALHOST:8000", "localhost.", "127.0.0.1", "127.255.0.9:1", "[::1]", "[::1]:8000",
        "[::ffff:127.0.0.1]", "192.0.2.1:8000", "lab.example", "lab.example.:443", "[2001:DB8:0::7]:1", "b.example",
        "localhost:",
    ])
    func itsOwnHostsAreAllowed(host: String) {
        #expect(rules.allows(authority: host, own: nil))
        #expect(rules.allows(origin: "http://\(host)", own: nil))
        #expect(rules.allows(origin: "HTTPS://\(host)", own: nil))
    }

    @Test(arguments: [
        "", "x", "evil.example", "lab.example.evil.example", "xlab.example", "192.0.2.2", "[::2]", "::1", "[::1",
        "::1]",
        "[::1]x", "[localhost]", "localhost:8a", "localhost:80:80", "user@localhost", "localhost/", " localhost",
        "127.1",
        "0177.0.0.1", "2130706433", "lo\u{301}calhost", "localhost\u{0}", "localhost,evil.example", ":80", ".", "[]",
        "127.0.0.1.", "[127.0.0.1]", "0.0.0.0", "[::]", "[fe80::1%lo]",
    ])
    func othersAreNot(host: String) {
        #expect(!rules.allows(authority: host, own: nil))
        #expect(!rules.allows(origin: "http://\(host)", own: nil))
    }

    @Test(arguments: [
        "null", "localhost", "ftp://localhost", "http:localhost", "http://", "://localhost", "http://localhost/x",
        "file://", "http://localhost http://localhost", "chrome-extension://localhost",
    ])
    func anOriginHasASchemeOfTheWeb(origin: String) {
        #expect(!rules.allows(origin: origin, own: nil))
    }

    @Test func theAddressOfTheConnectionIsAllowed() {
        #expect(rules.allows(authority: "10.0.0.7:8000", own: "10.0.0.7"))
        #expect(rules.allows(authority: "10.0.0.7", own: "::ffff:10.0.0.7"))
        #expect(rules.allows(authority: "[fd00::1]", own: "fd00::1"))
        #expect(!rules.allows(authority: "10.0.0.8", own: "10.0.0.7"))
    }

    @Test(arguments: ["", "a b", "http://x", "x/", "*", "*.example", "é.example"])
    func whatIsNoHostCannotBeAllowed(text: String) {
        #expect(throws: HostRuleError.self) { try HostRules(listening: "localhost", allowed: [text]) }
    }
}
