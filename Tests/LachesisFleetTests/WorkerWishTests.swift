import LachesisModel
import Testing

@testable import LachesisFleet

@Suite struct WorkerWishTests {
    private func after(
        _ order: WorkerControl, _ hold: WorkerHold?, isParked: Bool = false
    ) -> Result<WorkerHold?, FleetError> {
        Result { () throws(FleetError) in try WorkerWish(hold: hold).hold(after: order, isParked: isParked) }
    }

    @Test func whatAnOrderMakesOfAHold() throws {
        #expect(try after(.pause, nil).get() == .paused)
        #expect(try after(.pause, .paused).get() == .paused)
        #expect(try after(.stop, .paused).get() == .stopped)
        #expect(try after(.resume, .stopped).get() == nil)
        #expect(try after(.resume, nil).get() == nil)
        #expect(try after(.checkpoint, .paused).get() == .paused)
        #expect(try after(.restart, nil, isParked: true).get() == nil)
    }

    @Test func anOrderThatDoesNotFitSaysWhy() {
        for (order, hold, isParked) in [
            (WorkerControl.pause, WorkerHold.stopped as WorkerHold?, false), (.restart, .paused, false),
            (.restart, .stopped, false), (.resume, nil, true),
        ] {
            guard case .failure(let error) = after(order, hold, isParked: isParked) else {
                Issue.record("\(order) fits \(String(describing: hold))")
                continue
            }
            #expect(error.code == .unfit && !error.description.isEmpty)
        }
    }

    @Test func aHoldKeepsFromFeedingAndAStopEndsTheWorker() {
        var wish = WorkerWish(hold: nil)
        #expect(wish.allowsFeeding && !wish.endsWorker && !wish.isPending)
        wish.keep(.paused)
        #expect(!wish.allowsFeeding && !wish.endsWorker && wish.isPending)
        wish.keep(.stopped)
        #expect(!wish.allowsFeeding && wish.endsWorker && wish.isPending)
        wish.keep(nil)
        #expect(wish.allowsFeeding && !wish.endsWorker && !wish.isPending)
    }

    @Test func aRestartIsOverOnceAWorkerStartsAndAHoldTakesItsPlace() {
        var wish = WorkerWish(hold: nil)
        wish.restart()
        #expect(!wish.allowsFeeding && wish.endsWorker && wish.isPending)
        wish.starts()
        #expect(wish == WorkerWish(hold: nil))
        wish.restart()
        wish.keep(.stopped)
        wish.keep(nil)
        #expect(wish == WorkerWish(hold: nil))
    }

    @Test func aCheckpointIsAnsweredOnceAndOnlyIfItWasAskedFor() {
        var wish = WorkerWish(hold: nil)
        wish.answerCheckpoint(.made)
        #expect(wish.checkpoint == .notAsked)
        wish.askForCheckpoint()
        wish.answerCheckpoint(.missed("it cannot be saved"))
        wish.answerCheckpoint(.made)
        #expect(wish.checkpoint == .missed("it cannot be saved"))
    }
}

@Suite struct StepMeterTests {
    private let start = ContinuousClock.now

    @Test func theRateIsThatOfTheLastSeconds() {
        var meter = StepMeter()
        #expect(meter.rate(start) == 0)
        for second in 0..<30 { meter.stepped(50, start + .seconds(second)) }
        #expect(meter.rate(start + .seconds(30)) == 50)
        #expect(meter.rate(start + .seconds(35)) > 0)
        #expect(meter.rate(start + .seconds(40)) == 0)
        #expect(meter.rate(start + .seconds(10_000)) == 0)
    }

    @Test func aYoungMeterAveragesOverWhatThereIs() {
        var meter = StepMeter()
        meter.stepped(10, start)
        #expect(meter.rate(start) == 10)
        meter.stepped(20, start + .seconds(1))
        #expect(meter.rate(start + .seconds(2)) == 15)
    }
}
