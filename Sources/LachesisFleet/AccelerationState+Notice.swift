internal import LachesisModel
internal import LachesisWire

extension AccelerationState.Disagreement {
    /// - Parameter level: in use before; nil if the plugin has none.
    /// - Throws: `FleetError` `.script` if no worker sends such a notice.
    init(notice payload: [UInt8], after level: Acceleration?) throws(FleetError) {
        do {
            let notice = try AccelerationNotice(decoding: payload, after: level)
            self.init(level: notice.level, reason: notice.reason)
        } catch {
            throw FleetError(.script, "the script's process sent \(error)")
        }
    }
}
