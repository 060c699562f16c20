/// A token as the server knows it: what its bearer may do, and the hash of its secret.
package struct Grant: Sendable, Equatable {
    package let id: Int64
    /// For people; may be empty.
    package let label: String
    package let roles: Set<Role>
    /// Batteries that may be uploaded to; nil for all.
    package let batteries: Set<BatteryName>?
    /// Unix seconds.
    package let created: Double
    /// SHA-256 of the secret's bytes.
    package let hash: [UInt8]

    package init(
        id: Int64, label: String, roles: Set<Role>, batteries: Set<BatteryName>?, created: Double, hash: [UInt8]
    ) {
        (self.id, self.label, self.roles) = (id, label, roles)
        (self.batteries, self.created, self.hash) = (batteries, created, hash)
    }

    package func has(_ role: Role) -> Bool { roles.contains(role) || roles.contains(.admin) }

    package func mayUpload(to battery: BatteryName) -> Bool {
        roles.contains(.admin) || roles.contains(.upload) && batteries?.contains(battery) != false
    }
}
