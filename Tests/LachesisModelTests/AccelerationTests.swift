import LachesisModel
import Testing

@Suite struct AccelerationTests {
    private func ready(
        _ state: AccelerationState = AccelerationState(inUse: nil), at level: Acceleration?, told: String? = nil,
        asked: Acceleration = .full, most: Acceleration = .full
    ) -> AccelerationState {
        var state = state
        state.isReady(at: level, told: told, asked: asked, most: most)
        return state
    }

    @Test func levelsAreInOrder() {
        #expect(Acceleration.allCases.sorted() == [.off, .shortcuts, .full])
        #expect(min(Acceleration.full, .shortcuts) == .shortcuts)
    }

    @Test func lessThanWasAskedForHasAReason() {
        #expect(ready(at: .full).reason == nil)
        #expect(ready(at: .off, asked: .off).reason == nil)
        #expect(ready(at: .off, told: "not known").reason == "not known")
        #expect(ready(at: .shortcuts, most: .shortcuts).reason == "the server allows no more than 'shortcuts'")
        #expect(ready(at: .off, told: "not known", most: .shortcuts).reason == "not known")
        #expect(ready(at: .off, asked: .off, most: .shortcuts).reason == nil)
        #expect(ready(at: nil, most: .off).reason == nil, "a plugin without acceleration lacks nothing")
    }

    @Test func whatDifferedIsNotTriedAgainWhateverTheServerAllowsInBetween() {
        var state = ready(at: .full)
        #expect(state.ceiling == .full)
        state.fell(.init(level: .shortcuts, reason: "step 9 differed"))
        #expect(state.inUse == .shortcuts && state.reason == "step 9 differed" && state.ceiling == .shortcuts)
        // The next worker was ordered to use no more, and has no reason of its own.
        #expect(ready(state, at: .shortcuts) == state)
        let limited = ready(state, at: .off, most: .off)
        #expect(limited.reason == "the server allows no more than 'off'" && limited.ceiling == .shortcuts)
        #expect(ready(limited, at: .shortcuts) == state)
        state.fell(.init(level: .off, reason: "step 12 differed"))
        #expect(state.disagreements.map(\.level) == [.shortcuts, .off] && state.ceiling == .off)
    }
}
