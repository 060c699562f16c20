internal import FoundationEssentials
package import LachesisModel

/// A worker's estimator is built: what it is, and its state before any record.
package struct ReadyAnswer: Sendable, Equatable {
    package let description: EstimatorDescription
    /// Level that is in use; nil if the plugin has none.
    package let acceleration: Acceleration?
    /// Why that is less than was ordered; nil if nothing is told.
    package let accelerationReason: String?
    /// `[state]`, in the states' own units.
    package let mean: [Double]
    /// Row-major `[state, state]`.
    package let covariance: [Double]

    /// - Parameter acceleration: the most that was ordered.
    /// - Throws: `WireError` if the bytes are not of this form, the names, columns and shapes do not fit each other, a number is not
    ///   finite, the covariance is not symmetric, or more acceleration is in use than was ordered.
    package init(decoding payload: [UInt8], limits: Limits, acceleration: Acceleration = .full) throws(WireError) {
        var reader = ByteReader(payload.span.bytes)
        let json = try reader.takeBytes(Int(try reader.take(UInt32.self)))
        guard let description = try? JSONDecoder().decode(EstimatorDescription.self, from: Data(json)),
            let words = try? JSONDecoder().decode(AccelerationWords.self, from: Data(json))
        else { throw WireError("the estimator's description is not the JSON expected") }
        guard words.level ?? .off <= acceleration else {
            throw WireError("more acceleration than the '\(acceleration.rawValue)' that was ordered")
        }
        let reason = words.reason ?? ""
        try AccelerationNotice.check(reason)
        (self.acceleration, accelerationReason) = (words.level, reason.isEmpty ? nil : reason)
        let states = description.stateNames.count
        guard states > 0 else { throw WireError("the estimator has no states") }
        guard states <= limits.states, description.outputNames.count <= limits.states else {
            throw WireError("the estimator has \(states) states; at most \(limits.states) are allowed")
        }
        guard description.columns.first == KnownColumns.testTime, description.columns.count <= limits.columns,
            Set(description.columns).count == description.columns.count
        else { throw WireError("the estimator's columns must be different, and the first must be test_time") }
        self.description = description
        mean = try reader.takeDoubles(states)
        covariance = try reader.takeDoubles(states * states)
        try reader.end()
        try checkFinite([mean, covariance])
        try checkSymmetry(covariance, states: states)
    }
}

/// What a worker that is ready tells of acceleration, among its estimator's description.
private struct AccelerationWords: Decodable {
    let level: Acceleration?
    /// Empty or nil if there is nothing to tell.
    let reason: String?

    private enum CodingKeys: String, CodingKey {
        case level = "acceleration"
        case reason = "acceleration_reason"
    }
}

/// Why a script did not give an estimator.
package struct FailedAnswer: Codable, Sendable, Equatable {
    /// The traceback, the script's lines numbered, or what else happened.
    package let error: String
    /// Whether it was not the script that failed, but going on from the checkpoint.
    package let isCheckpoints: Bool

    package init(decoding payload: [UInt8]) throws(WireError) {
        guard let answer = try? JSONDecoder().decode(FailedAnswer.self, from: Data(payload)) else {
            throw WireError("the failure's description is not the JSON expected")
        }
        self = answer
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        error = try values.decode(String.self, forKey: .error)
        isCheckpoints = try values.decodeIfPresent(Bool.self, forKey: .isCheckpoints) ?? false
    }

    private enum CodingKeys: String, CodingKey {
        case error
        case isCheckpoints = "checkpoint"
    }
}

/// A worker's answer to being asked for a checkpoint.
package enum CheckpointAnswer: Sendable, Equatable {
    /// What the estimator can go on from.
    case state([UInt8])
    /// Why there is none.
    case failure(String)

    /// Bytes of the longest reason.
    static let longestReason = 4_000

    /// The largest section of a result that an answer takes, if the state has at most so many bytes.
    package static func sectionBytes(stateLimit: Int) -> Int { 1 + max(stateLimit, longestReason) }

    /// - Throws: `WireError` if the section is not of this form or too long.
    init(_ reader: inout ByteReader, bytes: Int, stateLimit: Int) throws(WireError) {
        let kind = try reader.take(UInt8.self)
        switch kind {
        case 1 where (1...stateLimit).contains(bytes - 1): self = .state(try reader.takeBytes(bytes - 1))
        case 0 where bytes - 1 <= Self.longestReason: self = .failure(try reader.takeText(bytes - 1))
        default: throw WireError("a checkpoint of kind \(kind) with \(bytes) bytes")
        }
    }
}

/// What a worker made of the next records that it had not answered yet.
package struct ResultAnswer: Sendable, Equatable {
    package struct StepError: Sendable, Equatable {
        /// Position of the record among those that this result covers.
        package let index: Int
        package let text: String
    }

    package let states: Int
    package let outputs: Int
    /// One a record, in order.
    package let outcomes: [StepOutcome]
    /// `[stepped]`, s.
    package let testTimes: [Double]
    /// `[stepped, state]`, row-major, in the states' own units; likewise the variance.
    package let means: [Double]
    package let variances: [Double]
    /// Outputs as predicted before the measurement, `[stepped, output]`, row-major; likewise the variance.
    package let outputMeans: [Double]
    package let outputVariances: [Double]
    /// After the last stepped record, row-major `[state, state]`; empty if none stepped.
    package let covariance: [Double]
    /// The latest errors of steps, at most 16.
    package let errors: [StepError]
    /// The answer to the batch's wish for a checkpoint; nil if this is not the batch's last result, or there was none.
    package let checkpoint: CheckpointAnswer?

    package var steppedCount: Int { testTimes.count }

    /// How many records a result's payload claims to cover, read without decoding the rest.
    package static func recordCount(of payload: [UInt8]) throws(WireError) -> Int {
        var reader = ByteReader(payload.span.bytes)
        return Int(try reader.take(UInt32.self))
    }

    /// - Parameters:
    ///   - states: as many as the estimator has; another number is refused. Likewise the outputs.
    ///   - checkpointLimit: bytes of a checkpoint, at most.
    /// - Throws: `WireError` if the bytes are not of this form, a number is not finite, or the covariance is not symmetric.
    package init(decoding payload: [UInt8], states: Int, outputs: Int, checkpointLimit: Int) throws(WireError) {
        var reader = ByteReader(payload.span.bytes)
        let records = Int(try reader.take(UInt32.self))
        let stepped = Int(try reader.take(UInt32.self))
        guard Int(try reader.take(UInt32.self)) == states, Int(try reader.take(UInt32.self)) == outputs else {
            throw WireError("a result of another shape than the estimator's")
        }
        let errorCount = Int(try reader.take(UInt32.self))
        let checkpointBytes = Int(try reader.take(UInt32.self))
        guard records <= WorkerMessageLimits.records, stepped <= records, errorCount <= 16 else {
            throw WireError("a result for \(records) records, \(stepped) stepped, \(errorCount) errors")
        }
        var outcomes: [StepOutcome] = []
        outcomes.reserveCapacity(records)
        for byte in try reader.takeBytes(records) {
            guard let outcome = StepOutcome(rawValue: byte) else { throw WireError("unknown outcome \(byte)") }
            outcomes.append(outcome)
        }
        guard outcomes.count(where: { $0 == .stepped }) == stepped else {
            throw WireError("stepped records do not add up")
        }
        try reader.skip((8 - records % 8) % 8)
        (self.states, self.outputs, self.outcomes) = (states, outputs, outcomes)
        testTimes = try reader.takeDoubles(stepped)
        means = try reader.takeDoubles(stepped * states)
        variances = try reader.takeDoubles(stepped * states)
        outputMeans = try reader.takeDoubles(stepped * outputs)
        outputVariances = try reader.takeDoubles(stepped * outputs)
        covariance = try reader.takeDoubles(stepped > 0 ? states * states : 0)
        var errors: [StepError] = []
        for _ in 0..<errorCount {
            let index = Int(try reader.take(UInt32.self))
            let length = Int(try reader.take(UInt32.self))
            guard index < records, outcomes[index] == .failed, length <= 4_000 else {
                throw WireError("an error that fits no record")
            }
            errors.append(StepError(index: index, text: try reader.takeText(length)))
        }
        self.errors = errors
        checkpoint =
            checkpointBytes > 0
            ? try CheckpointAnswer(&reader, bytes: checkpointBytes, stateLimit: checkpointLimit) : nil
        try reader.end()
        try validate()
    }

    private func validate() throws(WireError) {
        try checkFinite([testTimes, means, variances, outputMeans, outputVariances, covariance])
        if !covariance.isEmpty { try checkSymmetry(covariance, states: states) }
    }
}

private func checkFinite(_ lists: [[Double]]) throws(WireError) {
    for numbers in lists {
        guard numbers.allSatisfy(\.isFinite) else { throw WireError("a number that is not finite") }
    }
}

/// - Parameter covariance: row-major `[state, state]`.
private func checkSymmetry(_ covariance: [Double], states: Int) throws(WireError) {
    // Rounding leaves a filter's covariance symmetric only to within some units in the last place of its larger entries.
    for row in 0..<states {
        for column in 0..<row {
            let (lower, upper) = (covariance[row * states + column], covariance[column * states + row])
            let scale = (abs(covariance[row * states + row]) * abs(covariance[column * states + column]))
                .squareRoot()
            guard abs(lower - upper) <= 1e-6 * max(abs(lower), abs(upper), scale) else {
                throw WireError("a covariance that is not symmetric")
            }
        }
    }
}
