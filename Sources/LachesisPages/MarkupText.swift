internal import Mustache

/// Text in HTML, in an attribute's quotes too.
///
/// swift-mustache's own escaping compares characters, and a quote with an accent is another character, but a browser reads scalars:
/// a state's name became an attribute.
struct MarkupText: MustacheContentType {
    /// As a template calls it.
    static let name = "MARKUP"
    private static let special = Array("&<>\"'".utf8)

    func escapeText(_ text: String) -> String {
        guard text.utf8.contains(where: Self.special.contains) else { return text }
        var escaped = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": escaped.append(contentsOf: "&amp;".unicodeScalars)
            case "<": escaped.append(contentsOf: "&lt;".unicodeScalars)
            case ">": escaped.append(contentsOf: "&gt;".unicodeScalars)
            case "\"": escaped.append(contentsOf: "&quot;".unicodeScalars)
            case "'": escaped.append(contentsOf: "&#39;".unicodeScalars)
            default: escaped.append(scalar)
            }
        }
        return String(escaped)
    }
}
