import LachesisModel
import LachesisWire
import Testing

@testable import LachesisFleet

@Suite struct FeedProgressTests {
    private func fed(_ testTimes: [Double]) -> FeedWindow.Fed {
        FeedWindow.Fed(sequences: testTimes.indices.map { Int64($0) + 1 }, testTimes: testTimes)
    }

    /// Of one state and no output.
    private func answer(_ outcomes: [StepOutcome], testTimes: [Double] = []) throws -> ResultAnswer {
        var writer = ByteWriter()
        for number in [outcomes.count, testTimes.count, 1, 0, 0, 0] { writer.put(UInt32(number)) }
        writer.put(outcomes.map(\.rawValue) + [UInt8](repeating: 0, count: (8 - outcomes.count % 8) % 8))
        writer.put(testTimes + [Double](repeating: 1, count: 2 * testTimes.count))
        if !testTimes.isEmpty { writer.put([1.0]) }
        return try ResultAnswer(decoding: writer.bytes, states: 1, outputs: 0, checkpointLimit: 0)
    }

    private func progress() -> FeedProgress {
        FeedProgress(cursor: 0, snapshot: Snapshot(mean: [0], covariance: [1]), storedCursor: 0)
    }

    @Test func theTimeIsThatOfTheLastRecordThatTookEffect() throws {
        var progress = progress()
        try progress.take(try answer([.missingValue, .seeded]), fed([.nan, 5]))
        #expect(progress.snapshot.latestTime == 5 && progress.cursor == 2)
        try progress.take(
            try answer([.missingValue, .stepped, .failed, .stepped, .missingValue], testTimes: [6, 8]),
            fed([.infinity, 6, 7, 8, .nan]))
        #expect(progress.snapshot.latestTime == 8 && progress.snapshot.counts.stepped == 2)
    }

    @Test(arguments: [Double.nan, .infinity, -.infinity])
    func aRecordWithoutATimeTakesNoEffect(time: Double) throws {
        for forged in [
            try answer([.seeded]), try answer([.stepped], testTimes: [0]), try answer([.missingValue, .seeded]),
        ] {
            var progress = progress()
            let error = #expect(throws: FleetError.self) { try progress.take(forged, fed([time, time])) }
            #expect(error?.code == .script && error?.description.contains("has no test_time") == true)
            #expect(progress.cursor == 0 && progress.snapshot.latestTime == nil)
            #expect(progress.snapshot.counts == StepCounts())
        }
    }

    @Test func anAnswerGivesTheTimesThatWereFed() throws {
        for times: [Double] in [[1, 3], [2, 1], [1, 2.0.nextUp]] {
            var progress = progress()
            let error = #expect(throws: FleetError.self) {
                try progress.take(try answer([.stepped, .stepped], testTimes: times), fed([1, 2]))
            }
            #expect(error?.code == .script && error?.description.contains("another test_time") == true)
            #expect(progress.cursor == 0 && progress.snapshot.latestTime == nil)
        }
    }
}
