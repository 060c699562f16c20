/// One of the walls around a worker; each stands by itself, so that what one lets through another may stop.
package enum SandboxLayer: String, CaseIterable, Sendable {
    /// Own mounts, processes, network, IPC and machine name, in a root that holds what Python needs and no more.
    case namespaces
    /// Landlock's rules of which files may be read and written.
    case landlock
    /// The list of system calls that are allowed.
    case systemCalls = "system-calls"
    /// Another user, and no capabilities.
    case identity
}
