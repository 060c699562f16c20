internal import LachesisModel
internal import LachesisWire

extension HostLoop {
    func handle(_ command: HostCommand) throws(HostError) {
        switch command {
        case .start(let epoch, let order): try start(epoch, order)
        case .deliver(let epoch, let kind, let payload):
            // A worker that is not there has ended, and the daemon is being told.
            guard let worker = workers[epoch] else { return }
            try perform(worker.lifecycle.deliver(kind, payload, now: now), on: worker, message: (kind, payload))
        case .stop(let epoch):
            guard let worker = workers[epoch] else { return }
            try perform(worker.lifecycle.stop(), on: worker)
        case .ping: try send(.alive)
        }
    }

    private func start(_ epoch: Epoch, _ order: WorkerOrder) throws(HostError) {
        guard workers[epoch] == nil else { return log("the daemon started worker \(epoch) twice") }
        let refusal: String?
        let zygote = zygotes[order.plugin]
        if zygote == nil {
            refusal = "there is no plugin '\(order.plugin)'"
        } else if let failure = zygote?.lifecycle.failure {
            refusal = failure
        } else if zygote?.orders.count ?? 0 >= configuration.heldStarts {
            refusal = "too many workers wait to be started"
        } else if ![order.limits.buildSeconds, order.limits.buildCPUSeconds, order.limits.stepSeconds].allSatisfy({
            $0 > 0 && $0 <= 1e6
        }) {
            refusal = "the times to build and to step must be positive"
        } else if ![
            order.limits.memoryBytes, order.limits.folderBytes, order.limits.threads, order.limits.logBytes,
        ].allSatisfy({ $0 > 0 }) || order.limits.logRateBytes < OutputBudget.least {
            refusal = "memory, folder, threads and log must be positive"
        } else if !(order.limits.cores > 0 && order.limits.cores <= 1e6) {
            refusal = "the processors must be positive"
        } else {
            refusal = nil
        }
        if let refusal { return try send(.exited(epoch, WorkerExit(.notStarted, detail: refusal))) }
        guard let zygote else { return }
        workers[epoch] = WorkerProcess(epoch: epoch, order: order)
        zygote.append(.fork(epoch))
        try sendOrders(of: zygote)
    }
}
