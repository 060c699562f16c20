/// What every page has around its content.
package struct PageFrame: Sendable {
    /// Who looks at it.
    package enum Visitor: Sendable, Equatable {
        /// Somebody on this machine, while the server has no tokens.
        case local
        /// Somebody who has not logged in.
        case nobody
        /// The label of the token, which may be empty.
        case token(label: String, isAdmin: Bool)
    }

    package let visitor: Visitor
    /// How the visitor calls this server, such as `http://127.0.0.1:8000`, as far as the server knows; for lines to paste, in which the
    /// pages' script then writes it as the browser knows it.
    package let address: String
    /// The server's version.
    package let version: String

    package init(visitor: Visitor, address: String, version: String) {
        (self.visitor, self.address, self.version) = (visitor, address, version)
    }

    /// Whether `/workers` would be shown.
    var isAdmin: Bool {
        switch visitor {
        case .local: true
        case .nobody: false
        case .token(_, let isAdmin): isAdmin
        }
    }

    /// What `curl` needs to be let in, with a space at its end; empty if nothing.
    var curlToken: String { visitor == .local ? "" : #"-H "Authorization: Bearer $LACHESIS_TOKEN" "# }
}
