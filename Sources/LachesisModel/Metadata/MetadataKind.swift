/// What a value of a document must be.
indirect enum MetadataKind: Sendable {
    case scalar(ScalarKind)
    case list(of: MetadataKind)
    /// An array with exactly one element for each kind.
    case tuple([MetadataKind])
    /// Fields in the order in which faults are reported; any other field may hold anything.
    case object([MetadataField])

    static let text = scalar(.text)
    static let boolean = scalar(.boolean)
    static let date = scalar(.date)
    static let url = scalar(.url)
    static let number = scalar(.number())

    static func integer(greaterThan limit: Int) -> MetadataKind { scalar(.integer(greaterThan: limit)) }
    static func number(atLeast minimum: Int, atMost maximum: Int? = nil) -> MetadataKind {
        scalar(.number(atLeast: minimum, atMost: maximum))
    }
    static func choice(_ words: [String]) -> MetadataKind { scalar(.choice(words)) }
}

/// A kind of value that has no parts.
enum ScalarKind: Sendable {
    case text
    case boolean
    case integer(greaterThan: Int)
    /// Any double, infinities and NaN included; NaN meets no bound.
    case number(atLeast: Int? = nil, atMost: Int? = nil)
    /// A calendar day of the years 1 to 9999.
    case date
    /// An absolute URL.
    case url
    /// One of these words, exactly.
    case choice([String])
}

/// A field of an object.
struct MetadataField: Sendable {
    let name: String
    let kind: MetadataKind
    let isRequired: Bool
    let allowsNull: Bool

    /// - Parameters:
    ///   - isRequired: whether a document without the field is refused. Default: no.
    ///   - allowsNull: whether the field may be null. Default: yes.
    init(_ name: String, _ kind: MetadataKind, isRequired: Bool = false, allowsNull: Bool = true) {
        (self.name, self.kind, self.isRequired, self.allowsNull) = (name, kind, isRequired, allowsNull)
    }
}
