import LachesisPages
import Testing

@Suite struct WordingTests {
    @Test func aMeasureHasTwoDigitsOfItsDeviation() {
        #expect(Wording.measure(1.20341, deviation: 0.00423) == "1.2034 ±\u{A0}0.0042")
        #expect(Wording.measure(-12.6, deviation: 3.2) == "\u{2212}12.6 ±\u{A0}3.2")
        #expect(Wording.measure(1234.4, deviation: 56) == "1234 ±\u{A0}56")
        #expect(Wording.measure(-1e-9, deviation: 2.8e-6) == "(0.0 ±\u{A0}2.8)×10⁻⁶")
        #expect(Wording.measure(3.21e9, deviation: 1.5e8) == "(3.21 ±\u{A0}0.15)×10⁹")
    }

    @Test func whatIsNotKnownIsADashAndNoError() {
        #expect(Wording.measure(nil, deviation: 1) == "–")
        #expect(Wording.measure(.nan, deviation: 1) == "–")
        #expect(Wording.measure(1.5, deviation: nil) == "1.5000")
        #expect(Wording.measure(1.5, deviation: .infinity) == "1.5000")
        #expect(Wording.measure(0, deviation: 0) == "0")
        #expect(Wording.measure(.leastNonzeroMagnitude, deviation: .leastNonzeroMagnitude).isEmpty == false)
    }

    @Test func noNumberIsTooLittleOrTooGreat() {
        #expect(Wording.measure(1e200, deviation: 1e-160) == "1.000e+200 ±\u{A0}1.000e\u{2212}160")
        let sizes: [Double] = [
            0, .leastNonzeroMagnitude, .leastNormalMagnitude.nextDown, .leastNormalMagnitude, 1e-160, 1e-7, 1,
            1e7, 1e200, 1.7e308, .greatestFiniteMagnitude, .infinity, .nan,
        ]
        let extremes = sizes + sizes.map(-)
        for mean in extremes {
            let texts = [
                Wording.number(mean), Wording.plain(mean), Wording.span(mean), Wording.percent(mean),
                Wording.measure(mean, deviation: nil),
            ]
            #expect(texts.allSatisfy { !$0.isEmpty && !$0.contains("inf") && !$0.contains("nan") }, "\(mean): \(texts)")
            for deviation in extremes {
                let text = Wording.measure(mean, deviation: deviation)
                #expect(
                    !text.isEmpty && !text.contains("inf") && !text.contains("nan"), "\(mean) ± \(deviation): \(text)")
            }
        }
        for odd in [Double.nan, .infinity, -.infinity] {
            #expect([Wording.number(odd), Wording.span(odd), Wording.percent(odd)] == ["–", "–", "–"])
        }
    }

    @Test func numbersCountsAndTimesAreForPeople() {
        #expect(Wording.number(-0.00012345) == "\u{2212}0.00012345")
        #expect(Wording.number(6.02214e23) == "6.022e+23")
        #expect(Wording.plain(1.3) == "1.3")
        #expect(Wording.plain(100) == "100")
        #expect(Wording.percent(0.92345) == "92.3")
        #expect(Wording.count(1_234_567) == "1\u{202F}234\u{202F}567")
        #expect(Wording.count(12) == "12")
        #expect(Wording.span(5_400) == "1.50\u{202F}h")
        #expect(Wording.span(864_000) == "10.0\u{202F}d")
        #expect(Wording.date(0) == "1970-01-01 00:00:00 UTC")
    }
}
