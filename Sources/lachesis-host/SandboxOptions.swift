internal import ArgumentParser
internal import LachesisModel

struct SandboxOptions: ParsableArguments {
    @Option(name: .customLong("sandbox-without"), help: "A layer of the sandbox that workers go without; repeatable.")
    var without: [SandboxLayer] = []
}

extension SandboxLayer: ExpressibleByArgument {}
