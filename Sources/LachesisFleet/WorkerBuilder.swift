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

    /// - Throws: `FleetError`, or `CancellationError`.
    func build(_ registration: Registration, version: Int) async throws -> (WorkerLink, ReadyAnswer) {
        let order = WorkerOrder(plugin: registration.plugin, label: registration.battery.text, limits: limits)
        for attempt in 1... {
            let link = try await roster.start(order, patience: Self.patience)
            for file in registration.files { link.send(.file, file.encoded) }
            link.send(.build, BuildOrder(registration, version: version).encoded)
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
            case .started, .recordsStored:
                continue
            case .message(.ready, let payload):
                do {
                    return try ReadyAnswer(decoding: payload, limits: limits)
                } catch {
                    throw FleetError(.script, "\(error)")
                }
            case .message(.failed, let payload):
                throw FleetError(.script, (try? FailedAnswer(decoding: payload))?.error ?? "the script failed")
            case .message:
                throw FleetError(.script, "the script's process answered out of turn")
            case .exited(let exit):
                throw FleetError(exit.isScriptsDoing ? .script : .unavailable, exit.explanation(link.order))
            }
        }
        throw CancellationError()
    }
}
