internal import LachesisModel
internal import LachesisWire

/// Starts a worker and has it build its estimator.
struct WorkerBuilder: Sendable {
    /// How long a registration waits for a host with the plugin warm.
    static let patience = Duration.seconds(30)
    /// How often a start that failed through no fault of the script is tried again.
    static let attempts = 3

    let roster: HostRoster
    let limits: Limits

    /// - Parameter state: of a checkpoint that the estimator goes on from; nil begins anew.
    /// - Throws: `FleetError`, `.checkpoint` if it is the state that cannot be used; or `CancellationError`.
    func build(
        _ registration: Registration, version: Int, state: [UInt8]? = nil
    ) async throws -> (WorkerLink, ReadyAnswer) {
        let order = WorkerOrder(plugin: registration.plugin, label: registration.battery.text, limits: limits)
        for attempt in 1... {
            let link = try await roster.start(order, patience: Self.patience)
            for file in registration.files { link.send(.file, file.encoded) }
            if let state { link.send(.restore, state) }
            link.send(.build, BuildOrder(registration, version: version, limits: limits).encoded)
            do {
                return (link, try await awaitReady(link))
            } catch let error as FleetError where error.code == .unavailable && attempt < Self.attempts {
                continue
            } catch {
                link.stop()
                throw error
            }
        }
        throw FleetError(.unavailable, "the worker could not be started")
    }

    private func awaitReady(_ link: WorkerLink) async throws -> ReadyAnswer {
        for await event in link.events {
            switch event {
            case .started:
                continue
            case .signalled:
                // What it is told it will be told again, or look at by itself, once there is an estimator.
                _ = roster.takeSignals(of: link.epoch)
            case .message(.ready, let payload):
                do {
                    return try ReadyAnswer(decoding: payload, limits: limits)
                } catch {
                    throw FleetError(.script, "\(error)")
                }
            case .message(.failed, let payload):
                let answer = try? FailedAnswer(decoding: payload)
                throw FleetError(
                    answer?.isCheckpoints == true ? .checkpoint : .script, answer?.error ?? "the script failed")
            case .message:
                throw FleetError(.script, "the script's process answered out of turn")
            case .exited(let exit):
                throw FleetError(exit.isScriptsDoing ? .script : .unavailable, exit.explanation(link.order))
            }
        }
        throw CancellationError()
    }
}
