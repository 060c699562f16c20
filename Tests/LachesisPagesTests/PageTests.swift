import Foundation
import LachesisModel
import LachesisPages
import Testing

@Suite struct PageTests {
    private let renderer: PageRenderer

    init() throws { renderer = try PageRenderer() }

    private static let frame = PageFrame(visitor: .local, address: "http://127.0.0.1:8000", version: "9.8.7")

    private func html(_ page: some Page, _ frame: PageFrame = PageTests.frame) -> String {
        String(decoding: renderer.render(page, in: frame), as: UTF8.self)
    }

    private func battery(
        _ name: String, states: [String] = ["soc", "q_t.base_values"], columns: [String] = ["test_time", "voltage"],
        outputs: [String] = ["terminal_voltage"], counts: StepCounts = StepCounts()
    ) throws -> BatteryFacts {
        let name = try BatteryName(name)
        var snapshot = Snapshot(
            latestTime: 60, mean: states.indices.map { Double($0) + 0.5 },
            covariance: (0..<states.count * states.count).map { $0 % (states.count + 1) == 0 ? 0.0001 : 0 })
        snapshot.counts = counts
        snapshot.lastError = "</pre><script>alert(1)</script>"
        let registered = RegisteredEstimator(
            battery: name, version: 3, plugin: "moirae",
            description: EstimatorDescription(
                className: "<b>Filter", stateNames: states, outputNames: outputs, columns: ["test_time"]),
            cursor: 5, snapshot: snapshot)
        return BatteryFacts(
            stats: BatteryStats(
                name: name, hasMetadata: true, hasEstimator: true, rows: 5,
                columns: columns.map { TableSchema.Column(name: $0, type: .float) }, lastReceived: 1_000),
            estimator: EstimatorFacts(
                registered: registered, phase: "running", waiting: 0, restarts: 2, lastError: snapshot.lastError,
                checkpointProblem: nil))
    }

    @Test func whateverThingsAreCalledIsEscaped() throws {
        let evil = #"{"battery": {"nominal_capacity": 1, "<script>x": "<img src=x onerror=1>\"'"}}"#
        let page = BatteryPage(
            battery: try battery("a", states: ["<script>soc", "\"q onload="]), metadata: evil, plotProblem: nil)
        for text in [
            html(page), html(FleetPage(batteries: [try battery("a", states: ["\"><script>"])], missingLayers: [])),
        ] {
            let scripts = text.components(separatedBy: "<script").count - 1
            let own = text.components(separatedBy: "src=\"/static/").count - 1
            #expect(scripts == own)
            #expect(!text.contains("<img") && !text.contains("<b>Filter"))
        }
        let login = html(
            LoginPage(next: "\"><script>", problem: "<i>"), PageFrame(visitor: .nobody, address: "", version: ""))
        #expect(!login.contains("<script>") && !login.contains("<i>"))
        #expect(!html(MissingPage(name: "<script>")).contains("<script>"))
    }

    @Test(arguments: ["\u{301}", "\u{200D}", "\u{FE0F}", "\u{20DD}"])
    func aQuoteIsEscapedWhateverIsCombinedWithIt(mark: String) throws {
        let evil = "a\"\(mark) onmouseover=alert(1) '\(mark) <\(mark)i >\(mark) &\(mark)amp;"
        let safe = "a&quot;\(mark) onmouseover=alert(1) &#39;\(mark) &lt;\(mark)i &gt;\(mark) &amp;\(mark)amp;"
        for page in [
            html(BatteryPage(battery: try battery("a", states: [evil]), metadata: nil, plotProblem: nil)),
            html(MissingPage(name: evil)), html(LoginPage(next: evil, problem: evil)),
            html(FleetPage(batteries: [], missingLayers: [evil])),
            html(WorkersPage(), PageFrame(visitor: .token(label: evil, isAdmin: true), address: evil, version: evil)),
        ] {
            // By bytes: the comparison of strings does not see a quote with an accent either.
            #expect(page.utf8.contains(safe.utf8) && !page.utf8.contains("\"\(mark) onmouseover".utf8))
            #expect(!page.utf8.contains("<\(mark)i".utf8))
        }
    }

    @Test func aStepThatDifferedIsAWarning() throws {
        func page(_ state: AccelerationState?) throws -> (page: String, fleet: String) {
            var facts = try battery("a")
            facts.estimator?.registered.accelerationState = state
            return (
                html(BatteryPage(battery: facts, metadata: nil, plotProblem: nil)),
                html(FleetPage(batteries: [facts], missingLayers: []))
            )
        }
        let hidden = #"id="disagreement" hidden"#
        #expect(try page(nil).page.contains(#"id="acceleration" hidden"#))
        let full = try page(AccelerationState(inUse: .full))
        #expect(full.page.contains("acceleration <output>full</output>") && full.page.contains(hidden))
        #expect(!full.fleet.contains("differed"))
        let unknown = try page(AccelerationState(inUse: .off, reason: "the class <X> is none of its"))
        #expect(unknown.page.contains("off instead of full: the class &lt;X&gt; is none of its"))
        #expect(unknown.page.contains(hidden))
        var state = AccelerationState(inUse: .full)
        state.fell(.init(level: .off, reason: "step 9 differed"))
        let differed = try page(state)
        #expect(differed.page.contains("off instead of full: step 9 differed") && !differed.page.contains(hidden))
        #expect(differed.fleet.contains("an accelerated step differed"))
    }

    @Test func noPageHasInlineScriptsOrStyles() throws {
        let pages = [
            html(FleetPage(batteries: [], missingLayers: ["landlock"])), html(WorkersPage()),
            html(FleetPage(batteries: [try battery("a")], missingLayers: [])),
            html(BatteryPage(battery: try battery("a"), metadata: "{}", plotProblem: nil)),
            html(LoginPage(next: "/", problem: nil)),
        ]
        for page in pages {
            for pattern in [" style=", " onclick=", "<style", "javascript:", "http://www", "https://"] {
                #expect(!page.contains(pattern), "\(pattern)")
            }
        }
    }

    @Test func anEmptyFleetSaysWhatToDoNext() {
        let open = html(FleetPage(batteries: [], missingLayers: []))
        #expect(open.contains("curl -s <span data-server>http://127.0.0.1:8000</span>/db/register"))
        let guarded = html(
            FleetPage(batteries: [], missingLayers: []),
            PageFrame(visitor: .token(label: "me", isAdmin: false), address: "https://h", version: ""))
        #expect(guarded.contains("Authorization: Bearer $LACHESIS_TOKEN"))
        #expect(!guarded.contains("href=\"/workers\""))
        #expect(open.contains("href=\"/workers\""))
    }

    @Test func theFleetShowsHealthAndWarnings() throws {
        let page = html(FleetPage(batteries: [try battery("Cell 1")], missingLayers: ["landlock"]))
        #expect(page.contains("href=\"/dashboard/Cell%201\""))
        #expect(page.contains("1.500 ±\u{A0}0.010"))
        #expect(page.contains("2 restarts"))
        #expect(page.contains("1970-01-01 00:16:40 UTC"))
        #expect(page.contains("landlock"))
        let bare = BatteryFacts(
            stats: BatteryStats(
                name: try BatteryName("bare"), hasMetadata: true, hasEstimator: false, rows: 0, columns: []),
            estimator: nil)
        let other = html(FleetPage(batteries: [bare], missingLayers: []))
        #expect(other.contains("no estimator") && other.contains("no data"))
        // What a row does not know it must not take from the page around it.
        #expect(!other.contains("data-version=\"9.8.7\""))
    }

    @Test func theFleetWarnsWhereMostRecordsMeetABadFate() throws {
        func warnings(_ change: (inout StepCounts) -> Void) throws -> String {
            var counts = StepCounts()
            counts.stepped = 100
            change(&counts)
            let page = html(FleetPage(batteries: [try battery("a", counts: counts)], missingLayers: []))
            let list = try #require(
                page.split(separator: "<ul class=\"warnings\">").last?.split(separator: "</ul>").first)
            return String(list)
        }
        #expect(try warnings { $0.missingValue = 100 } == "<li>2 restarts</li>")
        #expect(try warnings { $0.missingValue = 102 }.contains("most records are skipped: values are missing"))
        #expect(try warnings { $0.late = 102 }.contains("most records are skipped: older than those before"))
        #expect(try warnings { $0.beforeValidTime = 1_000 } == "<li>2 restarts</li>")
        #expect(try warnings { $0.failed = 1 }.contains("<li>1 failed step</li>"))
        #expect(try warnings { $0.failed = 102 }.contains("<li>most steps fail: 102</li>"))
    }

    @Test func aBatterysPlotsFollowFromColumnsStatesAndMetadata() throws {
        let page = html(
            BatteryPage(
                battery: try battery("a"), metadata: #"{"battery": {"nominal_capacity": 2.5, "nested": {"deep": 7}}}"#,
                plotProblem: nil))
        #expect(page.components(separatedBy: "class=\"plot\"").count - 1 == 4)
        #expect(page.contains("data-source=\"residual\""))
        #expect(page.contains("data-states=\"1\" data-output=\"\" data-nominal=\"2.5\""))
        #expect(page.contains("<dt>deep</dt><dd>7</dd>"))
        #expect(page.contains("60.0</output> % of nominal 2.5"))
        let mute = html(
            BatteryPage(
                battery: try battery("a", columns: ["x"], outputs: []), metadata: nil, plotProblem: "no library"))
        #expect(mute.contains("no library"))
        #expect(!mute.contains("dygraph.min.js"))
        #expect(!mute.contains("data-source=\"residual\""))
    }

    @Test func deepAndLongMetadataIsCutShort() throws {
        let deep = String(repeating: #"{"a":"#, count: 150) + "1" + String(repeating: "}", count: 150)
        let long = "{" + (0..<500).map { "\"k\($0)\": \($0)" }.joined(separator: ",") + "}"
        for document in [deep, long, "[]", "{", #"{"battery": {"nominal_capacity": "x"}}"#, #"{"battery": 3}"#] {
            let page = html(BatteryPage(battery: try battery("a"), metadata: document, plotProblem: nil))
            #expect(page.hasSuffix("</html>\n"))
        }
        #expect(html(BatteryPage(battery: try battery("a"), metadata: long, plotProblem: nil)).contains("400 more"))
    }

    @Test func filesHaveTypesAndTags() throws {
        let css = try #require(StaticFile.all["lachesis.css"])
        #expect(css.contentType.hasPrefix("text/css"))
        #expect(css.entityTag.count == 26 && css.entityTag.hasPrefix("\""))
        #expect(StaticFile.all["fleet.js"]?.contentType.hasPrefix("text/javascript") == true)
        #expect(StaticFile.all["../x"] == nil)
        #expect(StaticFile.all.allSatisfy { !$0.value.content.isEmpty })
    }

    @Test func aMissingPlotLibraryIsExplained() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let missing = PlotLibrary(folder: folder.path)
        #expect(missing.files.isEmpty)
        #expect(missing.problem?.contains("libjs-dygraphs") == true)
        for name in ["dygraph.min.js", "dygraph.min.css"] {
            try Data("x".utf8).write(to: folder.appendingPathComponent(name))
        }
        let there = PlotLibrary(folder: folder.path)
        #expect(there.problem == nil && there.files.count == 2)
    }
}
