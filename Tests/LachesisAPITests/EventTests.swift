import LachesisModel
import NIOCore
import Testing

@testable import LachesisAPI
@testable import LachesisFleet

/// What clients that follow statuses are sent, without connections and clocks.
struct EventTests {
    private let board = StatusBoard(session: 3)
    private let names: [BatteryName]

    init() throws { names = try ["a", "b", "c"].map { try BatteryName($0) } }

    private func install(_ battery: BatteryName) {
        let description = EstimatorDescription(
            className: "Fake", stateNames: ["q"], outputNames: [], columns: ["test_time"])
        let estimator = RegisteredEstimator(
            battery: battery, version: 1, plugin: "kalman", description: description, cursor: 0,
            snapshot: Snapshot(mean: [0], covariance: [1]))
        board.install(EstimatorStatus(estimator: estimator, phase: .running, lastSequence: 0))
    }

    private func told(_ page: EventLedger.Page) -> [String] {
        page.events.map { event in
            let lines = String(buffer: event).split(separator: "\n")
            let name = lines[2].dropFirst(#"data: {"name":""#.count).prefix(1)
            return "\(lines[0].dropFirst("event: ".count)) \(name)"
        }
    }

    @Test func aClientIsSentTheLatestOfEachBatteryOnce() {
        var ledger = EventLedger()
        names.forEach(install)
        ledger.take(board.changes(after: ledger.revision))
        let first = ledger.page(after: -1, upTo: ledger.revision, of: nil, withRemovals: false)
        #expect(told(first) == ["status a", "status b", "status c"] && first.cursor == board.revision)
        board.recordsStored(names[0], last: 5)
        board.recordsStored(names[0], last: 6)
        ledger.take(board.changes(after: ledger.revision))
        let next = ledger.page(after: first.cursor, upTo: ledger.revision, of: nil, withRemovals: true)
        #expect(told(next) == ["status a"] && next.cursor == board.revision)
        #expect(String(buffer: next.events[0]).contains("\nid: \(board.revision)\n"))
    }

    @Test func removalsAreTellingOnlyToThoseWhoKnewTheBattery() {
        var ledger = EventLedger()
        names.forEach(install)
        let before = board.revision
        board.remove(names[1])
        board.remove(names[1])
        #expect(board.revision == before + 1)
        ledger.take(board.changes(after: ledger.revision))
        let first = ledger.page(after: -1, upTo: ledger.revision, of: nil, withRemovals: false)
        #expect(told(first) == ["status a", "status c"])
        #expect(told(ledger.page(after: before, upTo: ledger.revision, of: nil, withRemovals: true)) == ["removed b"])
        install(names[1])
        ledger.take(board.changes(after: ledger.revision))
        #expect(told(ledger.page(after: before, upTo: ledger.revision, of: nil, withRemovals: true)) == ["status b"])
    }

    @Test func batteriesThatWereNotAskedForAreLeftOut() {
        var ledger = EventLedger()
        names.forEach(install)
        ledger.take(board.changes(after: ledger.revision))
        let page = ledger.page(after: -1, upTo: ledger.revision, of: [names[2], names[0]], withRemovals: false)
        #expect(told(page) == ["status a", "status c"])
    }

    @Test func aPageIsBoundedAndWhatChangesMeanwhileComesLater() throws {
        var ledger = EventLedger()
        let many = try (0..<400).map { try BatteryName("cell \($0)") }
        many.forEach(install)
        ledger.take(board.changes(after: ledger.revision))
        let end = ledger.revision
        let first = ledger.page(after: -1, upTo: end, of: nil, withRemovals: false)
        #expect(first.events.reduce(0) { $0 + $1.readableBytes } <= EventLedger.pageBytes)
        #expect(first.events.count < 400 && first.cursor < end)
        board.recordsStored(many[399], last: 9)
        ledger.take(board.changes(after: ledger.revision))
        var (cursor, count) = (first.cursor, first.events.count)
        while cursor < end {
            let page = ledger.page(after: cursor, upTo: end, of: nil, withRemovals: false)
            (cursor, count) = (page.cursor, count + page.events.count)
        }
        #expect(count == 399, "the one that changed is not sent in this round")
        #expect(ledger.page(after: end, upTo: ledger.revision, of: nil, withRemovals: true).events.count == 1)
    }

    @Test func newsComeNoOftenerThanTheInterval() {
        let start = ContinuousClock.now
        var rhythm = EventRhythm(interval: .seconds(2), now: start)
        #expect(rhythm.action(hasNews: true, now: start) == .news)
        rhythm.told(start)
        #expect(rhythm.action(hasNews: true, now: start + .seconds(1.9)) == .nothing)
        #expect(rhythm.action(hasNews: true, now: start + .seconds(2)) == .news)
        #expect(rhythm.action(hasNews: false, now: start + .seconds(14)) == .nothing)
        #expect(rhythm.action(hasNews: false, now: start + .seconds(15)) == .comment)
        rhythm.spoke(start + .seconds(15))
        #expect(rhythm.action(hasNews: false, now: start + .seconds(29)) == .nothing)
    }

    /// A client that reads slowly: from the end of one round to the begin of the next there is the interval.
    @Test(.timeLimit(.minutes(1))) func theIntervalCountsFromWhenNewsWereSent() async throws {
        let (interval, name) = (Duration.milliseconds(300), names[0])
        install(name)
        let stream = EventStream(
            feed: EventFeed(board: board), batteries: nil, interval: interval, lastID: nil, mayStay: { true })
        var sent: [(begin: ContinuousClock.Instant, end: ContinuousClock.Instant)] = []
        await #expect(throws: CancellationError.self) {
            try await stream.run { _ in
                let begin = ContinuousClock.now
                board.recordsStored(name, last: Int64(sent.count) + 1)
                try await Task.sleep(for: .milliseconds(250))
                sent.append((begin, .now))
                if sent.count == 4 { throw CancellationError() }
            }
        }
        for (one, next) in zip(sent, sent.dropFirst()) { #expect(next.begin - one.end >= interval) }
    }
}
