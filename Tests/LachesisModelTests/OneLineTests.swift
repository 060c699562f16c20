import LachesisModel
import Testing

@Suite struct OneLineTests {
    @Test(arguments: [
        ("plain, \"quoted\" and C:\\n, ä 電", "plain, \"quoted\" and C:\\n, ä 電"),
        ("a\nb\r\nc\td", #"a\nb\r\nc\td"#),
        ("\u{1B}[31m\u{7F}\0", #"\u{1B}[31m\u{7F}\0"#),
        ("\u{85}\u{2028}\u{2029}", #"\u{0085}\u{2028}\u{2029}"#),
        ("e\u{301}\n\u{301}", "e\u{301}\\n\u{301}"),
    ])
    func whatControlsATerminalOrEndsALineIsEscaped(text: String, line: String) {
        #expect(Array(text.onOneLine.utf8) == Array(line.utf8))
    }
}
