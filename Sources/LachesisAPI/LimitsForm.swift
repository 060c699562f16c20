internal import Foundation
internal import LachesisModel

/// Reads what a script is to be limited to from options, each limit at most the server's own.
struct LimitsForm {
    static let names = [
        "memory_mb", "folder_mb", "threads", "build_timeout", "build_cpu", "step_timeout", "log_kb", "log_rate_kb",
    ]

    let limits: Limits
    /// Where the options stand: `body` or `query`.
    let place: String
    /// An option's text; nil if it is not given.
    let option: (String) throws -> String?

    /// Changes those that are given; an empty one becomes the server's own.
    /// - Throws: `APIError` 422 that names the option.
    func apply(to wanted: inout ScriptLimits) throws {
        try take("memory_mb", \.memoryBytes, unit: 1_048_576, atMost: limits.memoryBytes, in: &wanted)
        try take("folder_mb", \.folderBytes, unit: 1_048_576, atMost: limits.folderBytes, in: &wanted)
        try take("log_kb", \.logBytes, unit: 1_024, atMost: limits.logBytes, in: &wanted)
        try take("log_rate_kb", \.logRateBytes, unit: 1_024, atMost: limits.logRateBytes, in: &wanted)
        try take("threads", \.threads, unit: 1, atMost: limits.threads, in: &wanted)
        try take("build_timeout", \.buildSeconds, atMost: limits.buildTime, in: &wanted)
        try take("build_cpu", \.buildCPUSeconds, atMost: limits.buildCPUTime, in: &wanted)
        try take("step_timeout", \.stepSeconds, atMost: limits.stepTime, in: &wanted)
    }

    /// - Parameter unit: bytes, or what else is counted, that the option counts; at least one of it.
    private func take(
        _ name: String, _ limit: WritableKeyPath<ScriptLimits, Int?>, unit: Double, atMost most: Int,
        in wanted: inout ScriptLimits
    ) throws {
        guard let text = try option(name) else { return }
        wanted[keyPath: limit] = try number(name, text, atMost: Double(most) / unit).map { number in
            guard number >= 1 else { throw refusal(name, "\(name) must be at least 1, not \(number)") }
            guard unit > 1 || number == number.rounded() else {
                throw refusal(name, "\(name) must be a whole number, not \(number)")
            }
            return Int(exactly: (number * unit).rounded(.down)).map { min($0, most) } ?? most
        }
    }

    private func take(
        _ name: String, _ limit: WritableKeyPath<ScriptLimits, Double?>, atMost most: Duration,
        in wanted: inout ScriptLimits
    ) throws {
        guard let text = try option(name) else { return }
        wanted[keyPath: limit] = try number(name, text, atMost: most / .seconds(1))
    }

    /// nil for an empty text.
    private func number(_ name: String, _ text: String, atMost most: Double) throws -> Double? {
        guard !text.isEmpty else { return nil }
        guard let number = Double(text.trimmingCharacters(in: .whitespaces)), number.isFinite else {
            throw APIError.invalid([place, name], "'\(text)' is not a finite number", type: "float_parsing")
        }
        guard number > 0, number <= most else {
            throw refusal(name, "\(name) must be greater than 0 and at most \(most), not \(number)")
        }
        return number
    }

    private func refusal(_ name: String, _ message: String) -> APIError { .invalid([place, name], message) }
}
