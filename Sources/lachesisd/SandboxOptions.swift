import ArgumentParser
import LachesisModel

/// What workers' sandbox goes without.
struct SandboxOptions: ParsableArguments {
    @Option(
        help: """
            A layer of the sandbox to go without: namespaces, landlock, system-calls or identity; repeatable. For machines \
            whose kernel has not got it; scripts can then do more.
            """)
    var sandboxWithout: [SandboxLayer] = []
}

extension SandboxLayer: ExpressibleByArgument {}
