import ArgumentParser
import LachesisFleet
import LachesisWire

/// What the host may hold of workers' messages that have begun and not ended.
struct MessageOptions: ParsableArguments {
    private static let leastMb = WorkerMessageLimits.fromWorker >> 20

    @Option(
        help: """
            MiB of all messages together that workers have begun and not ended; others wait. At least 64, the largest message's.
            """)
    var maxUnfinishedMb = 256

    @Option(help: "Seconds from the beginning of a worker's message to its end; a worker that takes longer is ended.")
    var messageTimeout = 30.0

    func validate() throws {
        guard (Self.leastMb...1 << 30).contains(maxUnfinishedMb) else {
            throw ValidationError("--max-unfinished-mb must be from \(Self.leastMb) to \(1 << 30)")
        }
        guard messageTimeout > 0, messageTimeout <= 1e6 else {
            throw ValidationError("--message-timeout must be greater than zero and at most 1e6")
        }
    }

    func apply(to configuration: inout LocalHost.Configuration) {
        configuration.unfinishedBytes = maxUnfinishedMb << 20
        configuration.messageTime = .seconds(messageTimeout)
    }
}
