internal import LachesisModel

/// A metadata document as a page shows it.
package struct MetadataView: Sendable {
    /// How deep nested objects are shown as such; what lies deeper is counted.
    private static let depth = 6
    /// How many members of an object or a list are shown.
    private static let breadth = 100

    /// In the document's order: `label`, and either `text` (`isLeaf`) or `nodes` below it.
    ///
    /// Each has both: what a template does not find in a node it looks for in the node above.
    let nodes: [[String: any Sendable]]
    /// Ah; nil if the document does not tell, or tells what is no capacity.
    let nominalCapacity: Double?

    /// - Returns: nil for what is no JSON object.
    package init?(json: String) {
        guard let tree = try? JSONReader.tree(of: Array(json.utf8)), case .object(let members) = tree else {
            return nil
        }
        nodes = Self.nodes(members.map { ($0.key, $0.value) }, depth: Self.depth)
        switch tree["battery"]?["nominal_capacity"] {
        case .real(let number)? where number > 0 && number.isFinite: nominalCapacity = number
        case .integer(let number)? where number > 0: nominalCapacity = Double(number)
        // As battery-data-toolkit takes numbers.
        case .string(let text)?: nominalCapacity = Double(text).flatMap { $0 > 0 && $0.isFinite ? $0 : nil }
        default: nominalCapacity = nil
        }
    }

    private static func nodes(_ members: [(key: String, value: JSONTree)], depth: Int) -> [[String: any Sendable]] {
        var nodes = members.prefix(breadth).compactMap { node($0.key, $0.value, depth: depth) }
        if members.count > breadth { nodes.append(leaf("…", "\(members.count - breadth) more")) }
        return nodes
    }

    /// - Returns: nil for null, which says as much as a field that is missing.
    private static func node(_ key: String, _ value: JSONTree, depth: Int) -> [String: any Sendable]? {
        let label = key.replacing("_", with: " ")
        switch value {
        case .null: return nil
        case .bool(let flag): return leaf(label, flag ? "yes" : "no")
        case .integer(let number): return leaf(label, String(number))
        case .real(let number), .hugeInteger(let number): return leaf(label, "\(number)")
        case .string(let text): return leaf(label, text)
        case .array(let elements):
            if let text = line(elements) { return leaf(label, text) }
            guard depth > 1 else { return leaf(label, "\(elements.count) entries") }
            return branch(
                label, nodes(elements.enumerated().map { ("\($0.offset + 1)", $0.element) }, depth: depth - 1))
        case .object(let members):
            guard depth > 1 else { return leaf(label, "\(members.count) entries") }
            let below = nodes(members.map { ($0.key, $0.value) }, depth: depth - 1)
            return below.isEmpty ? nil : branch(label, below)
        }
    }

    private static func leaf(_ label: String, _ text: String) -> [String: any Sendable] {
        ["label": label, "text": text, "isLeaf": true, "nodes": [] as [[String: any Sendable]]]
    }

    private static func branch(_ label: String, _ nodes: [[String: any Sendable]]) -> [String: any Sendable] {
        ["label": label, "text": "", "isLeaf": false, "nodes": nodes]
    }

    /// Short lists of scalars on one line; nil for others.
    private static func line(_ elements: [JSONTree]) -> String? {
        guard elements.count <= 20 else { return nil }
        var words: [String] = []
        for element in elements {
            switch element {
            case .null: words.append("–")
            case .bool(let flag): words.append(flag ? "yes" : "no")
            case .integer(let number): words.append(String(number))
            case .real(let number), .hugeInteger(let number): words.append("\(number)")
            case .string(let text): words.append(text)
            // A person's first and last name, as `authors` has them.
            case .array(let inner):
                guard let text = inner.count <= 3 ? line(inner) : nil else { return nil }
                words.append(text.replacing(", ", with: " "))
            case .object: return nil
            }
        }
        return words.joined(separator: ", ")
    }
}
