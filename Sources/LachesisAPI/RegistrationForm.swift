internal import Foundation
internal import Hummingbird
internal import LachesisModel

/// Turns the form of `POST /online/register` into a registration.
struct RegistrationForm {
    /// Fields that a form may have beside its files, with room for some that are not known.
    private static let otherParts = 32
    static let rows = "rows"
    /// Fields that are not in the query.
    private static let fields = ["name", "definition", "files"]
    private static let options = ["plugin", "valid_time", "seed_inputs", "from", "acceleration"] + LimitsForm.names
    /// What clients of ROVI-org's demonstration send: its server makes nothing of the first, and of the other only with scripts that
    /// cannot run here.
    private static let upstreamOptions = ["start_time", "required_time"]
    private static let defaultPlugin = "moirae"
    private static let defaultRows = 1_000
    private static let mostRows = 100_000

    private let parts: [FormPart]
    private let request: Request
    private let limits: Limits

    static func formLimits(_ limits: Limits) -> FormLimits {
        FormLimits(parts: limits.files + otherParts, fieldBytes: limits.scriptBytes, fileBytes: limits.fileBytes)
    }

    init(_ form: Form, request: Request, limits: Limits) {
        (parts, self.request, self.limits) = (form.parts, request, limits)
    }

    /// - Parameter others: options beside those of a registration.
    /// - Throws: `APIError` 422 that names the field at fault, 413 for a script that is too long.
    func registration(others: [String] = []) throws -> Registration {
        try checkNames(others)
        let name: BatteryName
        do {
            name = try BatteryName(try required("name"))
        } catch let error as NameError {
            throw APIError.invalid(["body", "name"], error.description)
        }
        let definition = try required("definition")
        guard definition.utf8.count <= limits.scriptBytes else {
            throw APIError(.contentTooLarge, "the script exceeds \(limits.scriptBytes) bytes")
        }
        guard !definition.utf8.contains(0) else {
            throw APIError.invalid(["body", "definition"], "the script contains NUL")
        }
        var registration = Registration(
            battery: name, plugin: try option("plugin") ?? Self.defaultPlugin, definition: definition,
            files: try files())
        registration.validTime = try number("valid_time")
        registration.seedsInputs = try flag("seed_inputs") ?? true
        registration.start = try start()
        registration.acceleration = try acceleration() ?? .full
        try LimitsForm(limits: limits, place: "body", option: option).apply(to: &registration.limits)
        return registration
    }

    private func checkNames(_ others: [String]) throws {
        let options = Self.options + others
        let known = Self.fields + options
        for part in parts where !known.contains(part.name) && !Self.upstreamOptions.contains(part.name) {
            throw APIError.unknown(part.name, in: "body", known: known)
        }
        try request.checkQuery(options + Self.upstreamOptions)
    }

    /// How many records a trial is fed, at most.
    func rows() throws -> Int {
        guard let number = try number(Self.rows) else { return Self.defaultRows }
        guard (0...Double(Self.mostRows)).contains(number), number == number.rounded() else {
            throw APIError.invalid(
                ["body", "rows"], "rows must be a whole number from 0 to \(Self.mostRows), not \(number)")
        }
        return Int(number)
    }

    private func files() throws -> [ScriptFile] {
        var files: [ScriptFile] = []
        var names: Set<String> = []
        for part in parts where part.name == "files" {
            // An empty file field, as browsers send it where no file was chosen.
            if part.filename == "", part.content.isEmpty { continue }
            let name = try Self.fileName(part.filename)
            guard names.insert(name).inserted else {
                throw APIError.invalid(["body", "files"], "there are two files named '\(name)'")
            }
            files.append(ScriptFile(name: name, content: part.content))
        }
        guard files.count <= limits.files else {
            throw APIError(.contentTooLarge, "there are \(files.count) files; at most \(limits.files) are allowed")
        }
        return files
    }

    /// The last component of what the client calls the file.
    ///
    /// By scalars, as the kernel reads it: a slash with an accent is another character, and a slash all the same.
    static func fileName(_ raw: String?) throws -> String {
        let last =
            (raw ?? "").unicodeScalars.split(omittingEmptySubsequences: false) { $0 == "/" || $0 == "\\" }.last
            .map(String.init) ?? ""
        let name = last.precomposedStringWithCanonicalMapping
        let isOdd =
            name.isEmpty || name == "." || name == ".." || name.unicodeScalars.first == "-" || name.utf8.count > 255
            || name.unicodeScalars.contains {
                $0.properties.generalCategory == .control || $0.properties.generalCategory == .format
            }
        guard !isOdd else { throw APIError.invalid(["body", "files"], "a file cannot be named '\(name.prefix(80))'") }
        return name
    }

    private func required(_ name: String) throws -> String {
        guard let value = try field(name) else {
            throw APIError.invalid(["body", name], "the field '\(name)' is missing", type: "missing")
        }
        return value
    }

    /// A field of the form, or else a parameter of the query.
    private func option(_ name: String) throws -> String? {
        let value = try field(name) ?? request.queryText(name)
        return value?.isEmpty == true ? nil : value
    }

    private func field(_ name: String) throws -> String? {
        let matches = parts.filter { $0.name == name }
        guard matches.count <= 1 else {
            throw APIError.invalid(["body", name], "the field '\(name)' stands in the form more than once")
        }
        guard let match = matches.first else { return nil }
        guard let text = String(validating: match.content, as: UTF8.self) else {
            throw APIError.invalid(["body", name], "the field '\(name)' is not UTF-8")
        }
        return text
    }

    private func start() throws -> Registration.Start {
        guard let text = try option("from") else { return .start }
        guard let start = Registration.Start(rawValue: text) else {
            throw APIError.invalid(["body", "from"], "'\(text)' is neither start nor now")
        }
        return start
    }

    private func acceleration() throws -> Acceleration? {
        guard let text = try option("acceleration") else { return nil }
        guard let acceleration = Acceleration(rawValue: text) else {
            throw APIError.invalid(["body", "acceleration"], "'\(text)' is not one of \(Acceleration.words)")
        }
        return acceleration
    }

    private func number(_ name: String) throws -> Double? {
        guard let text = try option(name) else { return nil }
        guard let number = Double(text.trimmingCharacters(in: .whitespaces)), number.isFinite else {
            throw APIError.invalid(["body", name], "'\(text)' is not a finite number", type: "float_parsing")
        }
        return number
    }

    private func flag(_ name: String) throws -> Bool? {
        guard let text = try option(name) else { return nil }
        guard let flag = Bool(lenient: text) else {
            throw APIError.invalid(["body", name], "'\(text)' is neither true nor false", type: "bool_parsing")
        }
        return flag
    }
}
