/// `/workers`: what admins look after; filled from `/admin/workers`.
package struct WorkersPage: Page {
    package let title = "Workers"
    package let template = "workers"
    package let script: String? = "workers.js"
    package let place = PagePlace.workers

    package init() {}

    package var content: [String: any Sendable] { [:] }
}

/// `/docs`: the interface, made in the browser from its description.
package struct DocsPage: Page {
    package let title = "HTTP interface"
    package let template = "docs"
    package let script: String? = "docs.js"
    package let place = PagePlace.docs

    package init() {}

    package var content: [String: any Sendable] { [:] }
}

/// `/login`.
package struct LoginPage: Page {
    package let title = "Log in"
    package let template = "login"
    package let script: String? = nil
    package let place = PagePlace.elsewhere
    /// Where to go afterwards.
    let next: String
    /// What went wrong before; nil at first.
    let problem: String?

    package init(next: String, problem: String?) { (self.next, self.problem) = (next, problem) }

    package var content: [String: any Sendable] {
        var content: [String: any Sendable] = ["next": next]
        content["problem"] = problem
        return content
    }
}

/// Instead of a battery that is not there.
package struct MissingPage: Page {
    package let title = "Not found"
    package let template = "missing"
    package let script: String? = nil
    package let place = PagePlace.elsewhere
    let name: String

    package init(name: String) { self.name = name }

    package var content: [String: any Sendable] { ["name": name] }
}
