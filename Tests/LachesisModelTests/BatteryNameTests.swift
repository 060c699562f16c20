import LachesisModel
import Testing

@Suite struct BatteryNameTests {
    @Test(arguments: [
        "a", "cell-1", "Cell 1.2_b", "_hidden", "7", "Zelle Ä", "电池", "ячейка", "بطارية", "x²", "estimates", "lachesis",
        "battery_metadata2", "a..b", "a--", String(repeating: "ä", count: 128),
    ])
    func lettersAndDigitsOfAnyScriptAreAllowed(text: String) throws {
        #expect(try BatteryName(text).text == text)
    }

    @Test(arguments: [
        "", " a", "a ", "-a", ".a", "..", "a/b", "a\\b", "a\"b", "a'b", "a;b", "a\u{0}", "a\nb", "a\tb", "a:b", "a%b",
        "😀",
        "\u{301}a", "a\u{a0}b", "a\u{200b}b", "a\u{202e}b", "a\u{2028}b", "\u{feff}a",
        String(repeating: "a", count: 129),
    ])
    func otherCharactersEmptyAndOverlongNamesAreRefused(text: String) {
        #expect(throws: NameError.self) { try BatteryName(text) }
    }

    @Test(arguments: [
        "lachesis_x", "LACHESIS_x", "sqlite_stat1", "Sqlite_x", "a_estimates", "a_EstiMates", "_estimates",
        "battery_metadata", "Battery_Metadata",
    ])
    func theServersOwnNamesAreRefusedInAnyCase(text: String) {
        #expect(throws: NameError.self) { try BatteryName(text) }
    }

    @Test func aNameIsKeptInNormalFormC() throws {
        let decomposed = try BatteryName("A\u{308}")
        #expect(Array(decomposed.text.unicodeScalars) == ["\u{c4}"])
        #expect(decomposed == (try BatteryName("\u{c4}")))
        // 128 characters once composed.
        #expect(try BatteryName(String(repeating: "A\u{308}", count: 128)).text.unicodeScalars.count == 128)
    }

    @Test func foldingTouchesASCIILettersAlone() throws {
        #expect(try BatteryName("CELL Ä9").folded == "cell Ä9")
        #expect(try BatteryName("Cell") != BatteryName("cell"))
        #expect(try BatteryName("Cell").folded == BatteryName("cELL").folded)
    }

    @Test func aRefusalNamesTheCharacter() {
        let reasons = [
            ("a/b", "'/'"), ("a\nb", "U+000A"), ("a\u{0}", "U+0000"), ("-a", "begin"), ("a ", "ends with a space"),
            ("", "empty"), (String(repeating: "a", count: 129), "129"), ("sqlite_x", "reserved"),
        ]
        for (text, words) in reasons {
            let error = #expect(throws: NameError.self) { try BatteryName(text) }
            #expect(error?.description.contains(words) == true, "\(text)")
        }
    }
}
