internal import LachesisWire

/// How the host bounds what all its workers' unfinished messages take together.
extension HostLoop {
    /// Whether what the worker says next may be read. Where there is no room for it, the worker is not read until there is: the
    /// kernel holds it up, and no time counts against it.
    func mayRead(_ worker: WorkerProcess) throws(HostError) -> Bool {
        // A look costs a call, and is of no use as long as anything has room.
        guard room.isScarce, let bytes = worker.channel.announced, !room.ask(worker.epoch, bytes, now: now) else {
            return true
        }
        // Not only no reading: a closed connection would go on reporting itself.
        try stopListening(&worker.socketToken, worker.channel.number)
        worker.awaitsWriting = false
        worker.lifecycle.held(now: now)
        return false
    }

    /// Notes that a part of a message has been taken.
    func occupyRoom(_ worker: WorkerProcess) {
        guard let bytes = worker.channel.bytesUnderWay else { return }
        // There is room, or `mayRead` had not let it pass.
        _ = room.ask(worker.epoch, bytes, now: now)
        arm(room.deadline)
    }

    /// Nothing of the worker's is under way any more: reads those again that have waited for the room.
    func leaveRoom(_ worker: WorkerProcess) throws(HostError) {
        for other in room.leave(worker.epoch, now: now).compactMap({ workers[$0] }) {
            other.lifecycle.released(now: now)
            try listenToSocket(of: other)
            arm(other.lifecycle.deadline)
        }
        arm(room.deadline)
    }

    /// Ends workers that keep others waiting.
    func endOverdueMessages() throws(HostError) {
        for worker in room.overdue(now: now).compactMap({ workers[$0] }) {
            let time = configuration.messageTime / .seconds(1)
            try perform(worker.lifecycle.violated("a message was not finished within \(time) s"), on: worker)
            try leaveRoom(worker)
        }
        arm(room.deadline)
    }
}
