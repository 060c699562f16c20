internal import CSandbox

/// Signals as something to read: they are blocked from now on and interrupt nothing.
struct SignalSource: ~Copyable {
    private let descriptor: Descriptor

    var number: Int32 { descriptor.number }

    init(_ signals: [Int32]) throws(HostError) {
        let number = lachesis_signal_descriptor(signals, signals.count)
        guard number >= 0 else { throw .last("signalfd") }
        descriptor = Descriptor(owning: number)
    }

    /// The signals that came since the last call.
    func take() -> Set<Int32> {
        var found: Set<Int32> = []
        while true {
            let signal = lachesis_take_signal(descriptor.number)
            guard signal > 0 else { return found }
            found.insert(signal)
        }
    }
}

/// A child that has ended.
struct EndedChild: Equatable {
    let pid: Int32
    /// Exit status, or minus the number of the signal.
    let status: Int32

    /// Reaps the next child that has ended, and ends what is left of its process group; nil if there is none.
    static func next() -> EndedChild? {
        var status: Int32 = 0
        let pid = lachesis_reap(&status)
        return pid > 0 ? EndedChild(pid: pid, status: status) : nil
    }
}
