/// An estimator's whole state after one record: what a new worker goes on from, instead of stepping from the start.
package struct Checkpoint: Sendable, Equatable {
    /// Sequence of the last record whose effect is in it.
    package var cursor: Int64
    /// What was known of the estimator at that record.
    package var snapshot: Snapshot
    /// Made and read by workers alone; nobody else looks into it.
    package var state: [UInt8]

    package init(cursor: Int64, snapshot: Snapshot, state: [UInt8]) {
        (self.cursor, self.snapshot, self.state) = (cursor, snapshot, state)
    }
}

/// A checkpoint as it was found in the store.
package struct StoredCheckpoint: Sendable, Equatable {
    /// Tells it from the estimator's others; later ones have larger numbers.
    package var id: Int64
    /// nil if its bytes are not those that were written.
    package var content: Checkpoint?

    package init(id: Int64, content: Checkpoint?) { (self.id, self.content) = (id, content) }
}
