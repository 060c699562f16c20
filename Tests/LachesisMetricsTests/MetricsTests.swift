import LachesisMetrics
import Testing

struct MetricsTests {
    @Test func samplesStandBehindHelpAndType() {
        var text = MetricsText()
        text.metric("a_total", .counter, "All of\nthem.", 3)
        text.family("b", .gauge, "Some.", [([("x", "1"), ("y", "2")], 0.5), ([("x", "3"), ("y", "4")], .infinity)])
        text.family("none", .gauge, "Not there.", [])
        #expect(
            text.text == """
                # HELP a_total All of\\nthem.
                # TYPE a_total counter
                a_total 3
                # HELP b Some.
                # TYPE b gauge
                b{x="1",y="2"} 0.5
                b{x="3",y="4"} +Inf

                """)
    }

    @Test func labelsAreEscaped() {
        var text = MetricsText()
        text.family("c", .gauge, "x", [([("battery", "a\\b\"c\nd")], 1)])
        #expect(text.text.hasSuffix(#"c{battery="a\\b\"c\nd"} 1"# + "\n"))
    }

    @Test func theLeastIntegerIsANumberAsWell() {
        var text = MetricsText()
        text.metric("e", .gauge, "x", -0x1p63)
        #expect(text.text.hasSuffix("e -9.223372036854776e+18\n"))
    }

    @Test func aHistogramAddsUp() {
        let histogram = Histogram(bounds: [0.1, 1])
        histogram.observe(.milliseconds(50), count: 3)
        histogram.observe(.milliseconds(100))
        histogram.observe(.milliseconds(500))
        histogram.observe(.seconds(2))
        var text = MetricsText()
        text.histogram("d_seconds", "Durations.", histogram.snapshot)
        let lines = text.text.split(separator: "\n").dropFirst(2).map(String.init)
        #expect(
            lines == [
                #"d_seconds_bucket{le="0.1"} 4"#, #"d_seconds_bucket{le="1"} 5"#, #"d_seconds_bucket{le="+Inf"} 6"#,
                "d_seconds_sum 2.75", "d_seconds_count 6",
            ])
    }
}
