/// A file that comes with a script and lies in its working folder.
package struct ScriptFile: Sendable, Equatable {
    /// One path component.
    package let name: String
    package let content: [UInt8]

    package init(name: String, content: [UInt8]) { (self.name, self.content) = (name, content) }
}

/// What a scientist uploads: the script, its files and the options of its hosting.
package struct Registration: Sendable, Equatable {
    /// Which records a new estimator is fed.
    package enum Start: String, Sendable {
        /// All of the battery's.
        case start
        /// Those that are stored after the registration.
        case now
    }

    package var battery: BatteryName
    /// Folder name of the plugin that can run the script.
    package var plugin: String
    /// The script's text, unmodified.
    package var definition: String
    package var files: [ScriptFile]
    /// Records with `test_time` before this are stored but not stepped, s; nil steps all.
    package var validTime: Double?
    /// Whether the first record sets the filter's previous inputs; false leaves the script's own.
    package var seedsInputs: Bool
    package var start: Start
    /// How much the plugin may accelerate the estimator, within what the server allows.
    package var acceleration = Acceleration.full
    /// What the script is to be limited to.
    package var limits = ScriptLimits()

    package init(
        battery: BatteryName, plugin: String, definition: String, files: [ScriptFile], validTime: Double? = nil,
        seedsInputs: Bool = true, start: Start = .start
    ) {
        (self.battery, self.plugin, self.definition, self.files) = (battery, plugin, definition, files)
        (self.validTime, self.seedsInputs, self.start) = (validTime, seedsInputs, start)
    }
}
