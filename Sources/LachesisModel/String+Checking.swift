extension String {
    /// The text of these bytes; nil if they are not UTF-8.
    ///
    /// ASCII, which nearly all keys and texts are, is not validated by the standard library's way, which is slow.
    @inlinable package init?(checking bytes: some Collection<UInt8>) {
        if bytes.allSatisfy({ $0 < 0x80 }) {
            self.init(decoding: bytes, as: UTF8.self)
        } else {
            self.init(validating: bytes, as: UTF8.self)
        }
    }
}
