/// One of a battery's registrations, the current one or a former.
package struct EstimatorVersion: Sendable, Equatable {
    package struct File: Sendable, Equatable {
        package let name: String
        package let bytes: Int

        package init(name: String, bytes: Int) { (self.name, self.bytes) = (name, bytes) }
    }

    package let version: Int
    /// Name of the estimator's class.
    package let className: String
    package let isCurrent: Bool
    /// When it was registered, Unix seconds; nil if that was before servers noted it.
    package let registered: Double?
    /// The script with its options; its files are left out, and in a list of versions the script is empty.
    package let registration: Registration
    package let files: [File]

    package init(
        version: Int, className: String, isCurrent: Bool, registered: Double?, registration: Registration, files: [File]
    ) {
        (self.version, self.className, self.isCurrent, self.registered) = (version, className, isCurrent, registered)
        (self.registration, self.files) = (registration, files)
    }
}
