import LachesisWire
import Testing

@testable import LachesisAPI

struct ReadinessTests {
    private func reasons(
        hosts: Int = 1, _ plugins: [PluginReport] = [], needs: [String: Int] = [:], trouble: String? = nil,
        freeBytes: Int? = 1 << 40
    ) -> [String] {
        Readiness(hosts: hosts, plugins: plugins, needs: needs, trouble: trouble, freeBytes: freeBytes).reasons
    }

    @Test func itIsReadyIfWhatIsNeededIsThere() {
        let plugins = [PluginReport(name: "kalman", state: .ready), PluginReport(name: "moirae", state: .failed)]
        #expect(reasons(plugins, needs: ["kalman": 3]) == [])
        #expect(reasons(freeBytes: nil) == [])
    }

    @Test func eachThingThatIsMissingIsAReason() {
        #expect(reasons(hosts: 0, needs: ["kalman": 1]).count == 1)
        let plugins = [
            PluginReport(name: "kalman", state: .warming),
            PluginReport(name: "moirae", state: .failed, detail: "no numpy"),
        ]
        let found = reasons(plugins, needs: ["kalman": 1, "moirae": 2, "third": 1])
        #expect(found.count == 3)
        #expect(found[0].contains("kalman") && found[0].contains("warm"))
        #expect(found[1].contains("2 estimators") && found[1].contains("no numpy"))
        #expect(found[2].contains("third"))
        #expect(reasons(trouble: "database or disk is full")[0].contains("disk is full"))
        #expect(reasons(freeBytes: 5)[0].contains("5 bytes"))
    }
}
