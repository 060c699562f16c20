/// Jobs that wait for the writer, and which of them the next transaction does: pure.
///
/// Light ones come first, such as a live record and its estimate: they wait for the transaction that is under way, and not for all
/// that others upload or catch up with. Of one battery no job overtakes another. Every transaction takes on at least one of the
/// heavy ones, too, so that these come on however many light ones there are.
struct WriteLine {
    /// Weight of the jobs in one transaction, save that a heavier job has one for itself.
    static let transactionWeight = 16_384
    /// Likewise of the heavy ones that share a transaction with light ones: who waits behind them is not to wait for long.
    static let sharedWeight = 4_096
    /// A job of at most this weight is light.
    static let lightWeight = 64

    private var jobs: [WriteJob] = []

    var count: Int { jobs.count }
    var isEmpty: Bool { jobs.isEmpty }

    mutating func append(_ job: WriteJob) { jobs.append(job) }

    /// Takes the next transaction's jobs out, in the order in which they are to be done.
    mutating func next() -> [WriteJob] {
        let light = lightJobs()
        var taken = light.map { jobs[$0] }
        var (rest, weight): ([WriteJob], Int) = ([], 0)
        let limit = taken.isEmpty ? Self.transactionWeight : Self.sharedWeight
        var chosen = light[...]
        var isFull = false
        for (index, job) in jobs.enumerated() {
            if chosen.first == index {
                chosen.removeFirst()
                continue
            }
            // Once one has found no room, those behind it do not pass it.
            isFull = isFull || (weight > 0 && weight + job.weight > limit)
            if isFull {
                rest.append(job)
            } else {
                taken.append(job)
                weight += job.weight
            }
        }
        jobs = rest
        return taken
    }

    /// Places of the light jobs that no job of the same battery stands before, save light ones.
    private func lightJobs() -> [Int] {
        guard jobs.contains(where: { $0.weight > Self.lightWeight }) else { return [] }
        var (light, weight): ([Int], Int) = ([], 0)
        var passed: Set<String> = []
        for (index, job) in jobs.enumerated() {
            // What is no battery's may be anybody's affair, so it stays where it is.
            guard let battery = job.battery else { continue }
            if job.weight <= Self.lightWeight, weight + job.weight <= Self.transactionWeight, !passed.contains(battery)
            {
                light.append(index)
                weight += job.weight
            } else {
                passed.insert(battery)
            }
        }
        return light
    }
}
