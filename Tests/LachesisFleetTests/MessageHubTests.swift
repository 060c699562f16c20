import CZeroMQ
import Foundation
import Testing

@testable import LachesisMessaging

@Suite(.timeLimit(.minutes(1))) struct MessageHubTests {
    private let hub: MessageHub

    init() throws {
        hub = try MessageHub(endpoint: "ipc:///tmp/lachesis-hub-test-\(getpid())-\(UInt32.random(in: 0 ... .max))")
    }

    /// Says hello to the hub, and takes so many messages; a socket belongs to its thread.
    private func messages(_ count: Int) async -> [[UInt8]] {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread { [hub] in
                var found: [[UInt8]] = []
                if let socket = try? MessageSocket.dealer(connecting: hub.endpoint) {
                    _ = try? socket.send([0])
                    while found.count < count, (try? socket.wait(reading: [], timeout: nil)) != nil {
                        while let (_, message) = try? socket.receive() { found.append(message) }
                    }
                }
                continuation.resume(returning: found)
            }
        }
    }

    private func remove() { unlink(hub.endpoint.replacingOccurrences(of: "ipc://", with: "")) }

    @Test func whatManyTasksSendAtOnceArrivesWholeAndInTheOrderOfEach() async throws {
        let (senders, each) = (8 as UInt8, 500 as UInt16)
        async let running: Void = hub.run { [hub] hello in
            for sender in 0..<senders {
                Task {
                    for number in 0..<each {
                        hub.send([sender, UInt8(number >> 8), UInt8(number & 255)], to: hello.peer)
                        if number.isMultiple(of: 7) { await Task.yield() }
                    }
                }
            }
        }
        let found = await messages(Int(senders) * Int(each))
        for sender in 0..<senders {
            let numbers = found.filter { $0[0] == sender }.map { UInt16($0[1]) << 8 | UInt16($0[2]) }
            #expect(numbers == Array(0..<each))
        }
        hub.close()
        try await running
        remove()
    }

    @Test func aHubThatIsClosedSendsWhatItHasAndEnds() async throws {
        async let running: Void = hub.run { [hub] hello in
            for number in 0..<100 as Range<UInt8> { hub.send([number], to: hello.peer) }
            hub.close()
            hub.send([255], to: hello.peer)
        }
        let found = await messages(100)
        #expect(found == (0..<100 as Range<UInt8>).map { [$0] })
        try await running
        remove()
    }

    @Test func aHubThatCannotWaitForMessagesSaysWhyAndRunsTasksElsewhere() async throws {
        let running = Task { try await hub.run(tellThread) }
        let own = await hubsThread()
        #expect(await threads() == [own])
        zmq_ctx_shutdown(hub.router.context)
        let error = await #expect(throws: MessagingError.self) { try await running.value }
        #expect(error?.operation == "zmq_poll")
        _ = await threads()
        remove()
    }

    @Test func whoIsCancelledDoesNotWaitForTheEnd() async throws {
        let running = Task { try await hub.run { _ in } }
        running.cancel()
        try await running.value
        hub.close()
        remove()
    }

    /// A thread's number, as long as it lives.
    private static func thread() -> UInt { UInt(pthread_self()) }

    /// Those that tasks which prefer the hub run on.
    private func threads() async -> Set<UInt> {
        await withTaskGroup { group in
            for _ in 0..<50 {
                group.addTask(executorPreference: hub) {
                    await Task.yield()
                    return Self.thread()
                }
            }
            return await group.reduce(into: []) { $0.insert($1) }
        }
    }

    /// Answers a hello with the number of the thread that it is heard on.
    private func tellThread(_ hello: MessageHub.Envelope) {
        withUnsafeBytes(of: Self.thread()) { hub.send(Array($0), to: hello.peer) }
    }

    private func hubsThread() async -> UInt {
        await messages(1)[0].withUnsafeBytes { $0.loadUnaligned(as: UInt.self) }
    }

    @Test func tasksThatPreferTheHubRunOnItsThreadAsLongAsThereIsOne() async throws {
        // Before the hub's thread there are others, and after it, too: no task waits for ever.
        _ = await threads()
        async let running: Void = hub.run(tellThread)
        let own = await hubsThread()
        #expect(await threads() == [own])
        hub.close()
        try await running
        _ = await threads()
        remove()
    }

    @Test func tasksThatAreNeverDoneHoldUpNoMessage() async throws {
        let tasks = Task {
            await withTaskGroup { group in
                for _ in 0..<100 {
                    group.addTask(executorPreference: hub) { while !Task.isCancelled { await Task.yield() } }
                }
            }
        }
        async let running: Void = hub.run { [hub] hello in
            for number in 0..<200 as Range<UInt8> { hub.send([number], to: hello.peer) }
        }
        #expect(await messages(200) == (0..<200 as Range<UInt8>).map { [$0] })
        // They end, whichever thread there is for them.
        hub.close()
        tasks.cancel()
        await tasks.value
        try await running
        remove()
    }
}
