/// What became of a batch of records: all that stand before a refused one are on disk.
package struct AppendOutcome: Sendable, Equatable {
    /// How many records of the batch are stored: the first `stored` ones.
    package var stored: Int
    /// Why the next record was refused; nil if all are stored. Nothing behind it is stored.
    package var refusal: RecordRefusal?
    /// Records of the upload's stream that are stored in all; nil without a stream.
    package var streamTotal: Int64?

    package init(stored: Int, refusal: RecordRefusal? = nil, streamTotal: Int64? = nil) {
        (self.stored, self.refusal, self.streamTotal) = (stored, refusal, streamTotal)
    }
}
