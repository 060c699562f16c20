/// Lets a bounded number of tasks through at a time; the others wait in line, each in its own caller's hands.
package actor Turnstile {
    private var free: Int
    private var line: [CheckedContinuation<Void, Never>] = []

    package init(places: Int) { free = places }

    /// Runs `body` as soon as a place is free.
    package func pass<Result: Sendable>(_ body: @Sendable () async throws -> Result) async rethrows -> Result {
        await enter()
        defer { leave() }
        return try await body()
    }

    private func enter() async {
        if free > 0 {
            free -= 1
        } else {
            await withCheckedContinuation { line.append($0) }
        }
    }

    private func leave() {
        if line.isEmpty {
            free += 1
        } else {
            line.removeFirst().resume()
        }
    }
}
