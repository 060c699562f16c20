extension ScalarKind {
    /// Checks a value with the conversions that pydantic makes from JSON in its lax mode.
    /// - Throws: the first rule that the value breaks.
    func check(_ tree: JSONTree) throws(MetadataFault) {
        switch self {
        case .text:
            guard case .string = tree else { throw .notText }
        case .boolean:
            try LaxScalars.checkBoolean(tree)
        case .integer(let limit):
            guard try LaxScalars.integer(tree) > Double(limit) else { throw .notGreater(than: limit) }
        case .number(let minimum, let maximum):
            let number = try LaxScalars.number(tree)
            if let maximum, !(number <= Double(maximum)) { throw .tooLarge(limit: maximum) }
            if let minimum, !(number >= Double(minimum)) { throw .tooSmall(limit: minimum) }
        case .date:
            try LaxDate.check(tree)
        case .url:
            guard case .string(let text) = tree else { throw .notURL }
            if let reason = URLSyntax.fault(of: text) { throw .invalidURL(reason) }
        case .choice(let words):
            guard case .string(let text) = tree, words.contains(text) else { throw .notAmong(words) }
        }
    }
}
