package import LachesisModel

/// How an estimator is accelerated, as it is told: an object.
package struct AccelerationDescription: Sendable {
    let asked: Acceleration
    let state: AccelerationState?

    /// - Parameter state: nil if no worker has told yet.
    package init(asked: Acceleration, _ state: AccelerationState?) { (self.asked, self.state) = (asked, state) }

    package func write(to json: inout JSONWriter) {
        json.beginObject()
        json.key("asked")
        json.string(asked.rawValue)
        json.key("in_use")
        json.string(state?.inUse?.rawValue)
        json.key("reason")
        json.string(state?.reason)
        json.key("disagreements")
        json.integer(state?.disagreements.count ?? 0)
        json.endObject()
    }
}

extension RegisteredEstimator {
    package var accelerationDescription: AccelerationDescription {
        AccelerationDescription(asked: acceleration, accelerationState)
    }
}
