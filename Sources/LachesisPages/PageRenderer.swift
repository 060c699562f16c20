internal import Mustache

/// Makes pages from templates; every value is escaped, whatever a battery, a state or a column is called.
package struct PageRenderer: Sendable {
    private let library: MustacheLibrary

    /// - Throws: what swift-mustache throws for a template with a fault in it.
    package init() throws {
        let templates: [(name: String, text: [UInt8])] = [
            ("battery", PackageResources.battery_mustache),
            ("docs", PackageResources.docs_mustache),
            ("estimator", PackageResources.estimator_mustache),
            ("fleet", PackageResources.fleet_mustache),
            ("foot", PackageResources.foot_mustache),
            ("head", PackageResources.head_mustache),
            ("login", PackageResources.login_mustache),
            ("logs", PackageResources.logs_mustache),
            ("missing", PackageResources.missing_mustache),
            ("node", PackageResources.node_mustache),
            ("workers", PackageResources.workers_mustache),
        ]
        MustacheContentTypes.register(MarkupText(), named: MarkupText.name)
        var library = MustacheLibrary()
        for (name, text) in templates {
            // A partial does not inherit this: each template says it.
            let text = "{{% CONTENT_TYPE: \(MarkupText.name)}}\n" + String(decoding: text, as: UTF8.self)
            try library.register(text, named: name)
        }
        self.library = library
    }

    /// HTML in UTF-8.
    package func render(_ page: some Page, in frame: PageFrame) -> [UInt8] {
        var content = page.content
        content["title"] = page.title
        content["script"] = page.script
        var links = [("/", "Fleet", page.place == .fleet)]
        if frame.isAdmin { links.append(("/workers", "Workers", page.place == .workers)) }
        links.append(("/docs", "HTTP", page.place == .docs))
        content["navigation"] = links.map { address, label, isHere in
            ["address": address, "label": label, "isHere": isHere] as [String: any Sendable]
        }
        if case .token(let label, _) = frame.visitor {
            content["visitor"] = ["label": label.isEmpty ? "a token" : label]
        }
        content["isLocal"] = frame.visitor == .local
        content["server"] = frame.address
        content["curl"] = "curl -s " + frame.curlToken
        content["needsToken"] = frame.visitor != .local
        content["serverVersion"] = frame.version
        return Array((library.render(content, withTemplate: page.template) ?? "").utf8)
    }
}

/// One page's content, as its template names it.
package protocol Page: Sendable {
    var title: String { get }
    /// Name of the template.
    var template: String { get }
    /// Name of the module that makes the page live; nil for none.
    var script: String? { get }
    var place: PagePlace { get }
    var content: [String: any Sendable] { get }
}

/// Where a page stands in the navigation.
package enum PagePlace: Sendable {
    case fleet, workers, docs, elsewhere
}
