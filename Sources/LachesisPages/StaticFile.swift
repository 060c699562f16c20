internal import Crypto
internal import Foundation

/// A file for browsers that is part of the program.
package struct StaticFile: Sendable {
    package let contentType: String
    package let content: [UInt8]
    /// Of the content, in quotes as the header field has it.
    package let entityTag: String

    package init(name: String, content: [UInt8]) {
        contentType = Self.type(of: name)
        self.content = content
        entityTag = Self.entityTag(of: content)
    }

    /// A strong tag: the beginning of the content's SHA-256.
    package static func entityTag(of content: [UInt8]) -> String {
        let digits = SHA256.hash(data: content).prefix(12).map { String(format: "%02x", $0) }
        return "\"\(digits.joined())\""
    }

    /// By the name under which it is asked for.
    package static let all: [String: StaticFile] = {
        let files: [String: [UInt8]] = [
            "lachesis.css": PackageResources.lachesis_css,
            "icon.svg": PackageResources.icon_svg,
            "battery.js": PackageResources.battery_js,
            "chart.js": PackageResources.chart_js,
            "common.js": PackageResources.common_js,
            "correlation.js": PackageResources.correlation_js,
            "docs.js": PackageResources.docs_js,
            "events.js": PackageResources.events_js,
            "fleet.js": PackageResources.fleet_js,
            "format.js": PackageResources.format_js,
            "history.js": PackageResources.history_js,
            "plots.js": PackageResources.plots_js,
            "workers.js": PackageResources.workers_js,
        ]
        return Dictionary(uniqueKeysWithValues: files.map { ($0, StaticFile(name: $0, content: $1)) })
    }()

    private static func type(of name: String) -> String {
        switch name.split(separator: ".").last {
        case "js": "text/javascript; charset=utf-8"
        case "css": "text/css; charset=utf-8"
        case "svg": "image/svg+xml"
        default: "application/octet-stream"
        }
    }
}
