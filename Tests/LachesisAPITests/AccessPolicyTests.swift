import Foundation
import HTTPTypes
import LachesisModel
import LachesisStore
import Testing

@testable import LachesisAPI

@Suite struct AccessPolicyTests {
    private static func grant(
        _ id: Int64, _ secret: TokenSecret, _ roles: Set<Role>, _ batteries: Set<BatteryName>? = nil
    ) -> Grant {
        Grant(id: id, label: "", roles: roles, batteries: batteries, created: 0, hash: secret.hash)
    }

    private func name(_ text: String) -> BatteryName { try! BatteryName(text) }

    @Test func withoutTokensThisMachineMayDoEverythingAndNobodyElse() {
        let open = AccessPolicy(grants: [], isLoopback: true)
        #expect(open.caller([]) == .local)
        #expect(open.denial(of: .role(.admin), to: .local) == nil)
        let reachable = AccessPolicy(grants: [], isLoopback: false)
        #expect(reachable.caller([]) == .nobody)
        #expect(reachable.denial(of: .role(.read), to: .nobody) == .unknown)
        #expect(reachable.denial(of: .nothing, to: .nobody) == nil)
        // One who came in before there were tokens.
        #expect(
            AccessPolicy(grants: [Self.grant(1, TokenSecret(), [.admin])], isLoopback: true).stillKnows(.local) == false
        )
    }

    @Test func aTokenIsKnownByItsHash() {
        let (mine, other) = (TokenSecret(), TokenSecret())
        let grant = Self.grant(7, mine, [.read])
        let policy = AccessPolicy(grants: [Self.grant(6, TokenSecret(), [.admin]), grant], isLoopback: true)
        #expect(policy.caller(["Bearer \(mine.text)"]) == .bearer(grant))
        #expect(policy.caller(["bearer  \(mine.text) "]) == .bearer(grant))
        for fields in [
            [], [""], ["Bearer"], ["Bearer \(other.text)"], [mine.text], ["Basic \(mine.text)"],
            ["Bearer \(mine.text)x"],
            ["Bearer \(mine.text)", "Bearer \(mine.text)"], ["Bearer \(mine.text) \(mine.text)"],
        ] {
            #expect(policy.caller(fields) == .nobody, "\(fields)")
        }
        #expect(policy.stillKnows(.bearer(grant)))
        #expect(!AccessPolicy(grants: [], isLoopback: true).stillKnows(.bearer(grant)))
    }

    @Test(arguments: Role.allCases, Role.allCases)
    func aRoleAllowsWhatItSaysAndAdminEverything(held: Role, needed: Role) {
        let secret = TokenSecret()
        let policy = AccessPolicy(grants: [Self.grant(1, secret, [held])], isLoopback: true)
        let denial = policy.denial(of: .role(needed), to: policy.caller(["Bearer \(secret.text)"]))
        #expect(denial == (held == needed || held == .admin ? nil : .role(needed)))
    }

    @Test func uploadsMayBeLimitedToBatteries() {
        let grant = Self.grant(1, TokenSecret(), [.upload, .read], [name("a"), name("Ä")])
        let policy = AccessPolicy(grants: [grant], isLoopback: true)
        #expect(policy.denial(of: .role(.upload), to: .bearer(grant), battery: name("a")) == nil)
        #expect(policy.denial(of: .role(.upload), to: .bearer(grant), battery: name("A\u{308}")) == nil)
        #expect(policy.denial(of: .role(.upload), to: .bearer(grant), battery: name("b")) == .battery(name("b")))
        #expect(policy.denial(of: .role(.read), to: .bearer(grant), battery: name("b")) == nil)
    }

    @Test func aRouteThatStandsInNoTableNeedsAdmin() {
        #expect(RouteTable.requirement(.get, "/health") == .nothing)
        #expect(RouteTable.requirement(.head, "/db/stats") == .role(.read))
        #expect(RouteTable.requirement(.get, RouteTable.upload) == .role(.upload))
        #expect(RouteTable.requirement(.post, "/online/register") == .role(.register))
        #expect(RouteTable.requirement(.delete, "/db/{name}") == .role(.admin))
        for (method, route) in [("GET", nil), ("POST", "/health"), ("GET", "/db/stats/"), ("PATCH", "/db/{name}")] {
            #expect(RouteTable.requirement(.init(method)!, route) == .role(.admin))
        }
    }

    @Test func anAuditEntryIsOneLine() {
        var entry = AuditEntry(time: .init(timeIntervalSince1970: 0.25), action: "GET /x", caller: .nobody)
        entry.detail = "a\n\"b\""
        (entry.outcome, entry.status, entry.untold) = (.refused, 401, 3)
        #expect(
            String(decoding: entry.line, as: UTF8.self)
                == #"{"time":"1970-01-01T00:00:00.250Z","actor":null,"peer":null,"action":"GET /x","battery":null,"#
                + #""outcome":"refused","status":401,"untold":3,"detail":"a\n\"b\""}"# + "\n")
    }
}
