import GRDB
import LachesisModel
import Testing

@testable import LachesisStore

@Suite struct TokenTests {
    @Test func aSecretIsReadAsItIsWritten() throws {
        let secret = TokenSecret()
        #expect(secret.text.hasPrefix("lachesis_") && secret.text.utf8.count == 73)
        #expect(TokenSecret(secret.text) == secret)
        #expect(TokenSecret() != secret)
        #expect(try #require(TokenSecret(secret.text)).hash == secret.hash && secret.hash.count == 32)
    }

    @Test func itsHashIsSHA256() throws {
        // FIPS 180: of 32 bytes of zero.
        let secret = try #require(TokenSecret("lachesis_" + String(repeating: "0", count: 64)))
        #expect(secret.hash.prefix(4) == [0x66, 0x68, 0x7a, 0xad] && secret.hash.suffix(2) == [0x29, 0x25])
    }

    @Test func nothingElseIsASecret() {
        let digits = String(repeating: "a1", count: 32)
        let short = String(digits.dropLast())
        let texts: [String] = [
            "", "lachesis_", digits, "lachesis_\(short)", "lachesis_\(digits)0", "Lachesis_\(digits)",
            "lachesis_\(digits.uppercased())", "lachesis_\(short)g", " lachesis_\(short)",
            "lachesis_\(digits.dropLast(2))é",
        ]
        for text in texts {
            #expect(TokenSecret(text) == nil, "\(text)")
        }
    }

    @Test func equalityLooksAtEveryByte() {
        let bytes = (0..<32).map(UInt8.init)
        #expect(equalInConstantTime(bytes, bytes))
        for place in bytes.indices {
            var other = bytes
            other[place] ^= 0x80
            #expect(!equalInConstantTime(bytes, other))
        }
        #expect(!equalInConstantTime(bytes, Array(bytes.dropLast())))
        #expect(equalInConstantTime([], []))
    }

    @Test func tokensAreMadeBesideARunningServer() async throws {
        try await withFolder { folder in
            let table = try TokenTable(folder: folder, makes: true)
            let cell = try BatteryName("cell Ä")
            let (secret, first) = try table.create(roles: [.read, .upload], batteries: [cell], label: "é")
            try await withStore(in: folder) { store in
                let (before, mark) = try await store.tokens()
                #expect(before == [first] && before[0].hash == secret.hash)
                #expect(try await store.tokenMark() == mark)
                let (_, second) = try table.create(roles: [.admin], batteries: nil, label: "")
                #expect(second.id == 2)
                let made = try await store.tokenMark()
                #expect(made != mark)
                #expect(try await store.tokens().grants == [first, second])
                #expect(try table.revoke(2) == (true, 1))
                #expect(try await store.tokenMark() != made)
                #expect(try await store.tokenMark() != mark)
                #expect(try table.revoke(2) == (false, 1))
                #expect(try await store.tokens().grants == [first])
                #expect(try table.create(roles: [.read], batteries: nil, label: "").grant.id == 3)
            }
            table.close()
            #expect(try Store.check(folder: folder).problems == [])
        }
    }

    @Test func withoutADatabaseNoneIsMadeToList() async throws {
        try await withFolder { folder in
            await expect(.io) { _ = try TokenTable(folder: folder, makes: false) }
        }
    }

    @Test func aRoleThatIsNotKnownIsNotPassedOver() async throws {
        try await withFolder { folder in
            let table = try TokenTable(folder: folder, makes: true)
            _ = try table.create(roles: [.read], batteries: nil, label: "")
            table.close()
            try withDatabase(in: folder) { try $0.execute(sql: "UPDATE lachesis_tokens SET roles = 'read write'") }
            try await withStore(in: folder) { store in
                await expect(.corrupt) { _ = try await store.tokens() }
            }
        }
    }
}
