// swift-tools-version: 6.2
import PackageDescription

/// Language settings that every Swift target shares: strict imports and warnings as errors.
let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableExperimentalFeature("Lifetimes"),
    .treatAllWarnings(as: .error),
]

/// How a program embeds the interpreter: inside the executable, at a fixed address, as Debian builds `python3` itself.
///
/// CPython's shared library costs eight per cent of every step (calls through its procedure table). All of it is taken and
/// exported, because extension modules resolve the interpreter's functions from the executable.
let embeddedPython: [LinkerSetting] = [
    .unsafeFlags([
        "-Xclang-linker", "-no-pie", "-Xlinker", "--export-dynamic", "-Xlinker", "--whole-archive",
        "-Xlinker", "-l:libpython3.11.a", "-Xlinker", "--no-whole-archive",
    ]),
    .linkedLibrary("expat"), .linkedLibrary("z"), .linkedLibrary("m"), .linkedLibrary("dl"), .linkedLibrary("util"),
]

let package = Package(
    name: "lachesis",
    products: [
        .executable(name: "lachesisd", targets: ["lachesisd"]),
        .executable(name: "lachesis-host", targets: ["lachesis-host"]),
    ],
    dependencies: [
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/apple/swift-async-algorithms", from: "1.1.4"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.1"),
    ],
    targets: [
        .systemLibrary(name: "CMsgPack", providers: [.apt(["libmsgpack-dev"])]),
        .systemLibrary(name: "CMalloc"),
        .systemLibrary(name: "CZeroMQ", providers: [.apt(["libzmq3-dev"])]),
        .systemLibrary(name: "CPython", pkgConfig: "python3", providers: [.apt(["python3-dev"])]),
        .systemLibrary(name: "CSeccomp", pkgConfig: "libseccomp", providers: [.apt(["libseccomp-dev"])]),
        .target(name: "CSandbox", dependencies: ["CSeccomp"], exclude: ["THREATS.md"]),
        .target(name: "LachesisModel", swiftSettings: strict),
        .target(name: "LachesisMetrics", swiftSettings: strict),
        .target(name: "LachesisWire", dependencies: ["LachesisModel", "CMsgPack"], swiftSettings: strict),
        .target(
            name: "LachesisStore",
            dependencies: [
                "LachesisModel", "LachesisMetrics", .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "GRDB", package: "GRDB.swift"), .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ],
            swiftSettings: strict),
        .target(name: "LachesisMessaging", dependencies: ["LachesisWire", "CZeroMQ"], swiftSettings: strict),
        .target(
            name: "LachesisFleet",
            dependencies: [
                "LachesisModel", "LachesisMetrics", "LachesisWire", "LachesisMessaging",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Subprocess", package: "swift-subprocess"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: strict),
        .target(
            name: "LachesisSocket",
            dependencies: [
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "NIOWebSocket", package: "swift-nio"),
                .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
                .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict),
        // Templates and files for browsers are compiled in, so that the program needs no folder beside it.
        .target(
            name: "LachesisPages",
            dependencies: [
                "LachesisModel", .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Mustache", package: "swift-mustache"),
            ],
            resources: [.embedInCode("Templates"), .embedInCode("Static")],
            swiftSettings: strict),
        .target(
            name: "LachesisAPI",
            dependencies: [
                "LachesisModel", "LachesisMetrics", "LachesisWire", "LachesisStore", "LachesisFleet", "LachesisSocket",
                "LachesisPages",
                .product(name: "AsyncAlgorithms", package: "swift-async-algorithms"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            resources: [.embedInCode("Description/openapi.json")],
            swiftSettings: strict),
        .executableTarget(
            name: "lachesisd",
            dependencies: [
                "CMalloc", "LachesisModel", "LachesisWire", "LachesisStore", "LachesisMessaging", "LachesisFleet",
                "LachesisSocket", "LachesisPages", "LachesisAPI",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            swiftSettings: strict),
        .target(
            name: "LachesisHost",
            dependencies: ["LachesisModel", "LachesisWire", "LachesisMessaging", "CPython", "CSandbox"],
            swiftSettings: strict,
            linkerSettings: embeddedPython),
        .executableTarget(
            name: "lachesis-host",
            dependencies: [
                "LachesisHost", "LachesisModel",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict),
        .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: strict),
        .testTarget(
            name: "LachesisModelTests", dependencies: ["LachesisModel", "TestSupport"], swiftSettings: strict),
        .testTarget(name: "LachesisMetricsTests", dependencies: ["LachesisMetrics"], swiftSettings: strict),
        .testTarget(
            name: "LachesisWireTests", dependencies: ["LachesisModel", "LachesisWire", "TestSupport"],
            swiftSettings: strict),
        .testTarget(
            name: "LachesisStoreTests",
            dependencies: [
                "TestSupport", "LachesisModel", "LachesisStore", .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "LachesisFleetTests",
            dependencies: [
                "TestSupport", "LachesisModel", "LachesisWire", "LachesisMessaging", "LachesisFleet", "CZeroMQ",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "LachesisSocketTests",
            dependencies: [
                "TestSupport", "LachesisSocket",
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "LachesisPagesTests", dependencies: ["LachesisModel", "LachesisPages"], swiftSettings: strict),
        .testTarget(
            name: "LachesisAPITests",
            dependencies: [
                "LachesisAPI", "LachesisFleet", "LachesisModel", "LachesisStore", "TestSupport",
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "NIOCore", package: "swift-nio"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "LachesisHostTests",
            dependencies: [
                "TestSupport", "LachesisHost", "lachesis-host", "LachesisModel", "LachesisWire", "LachesisMessaging",
                "CSandbox",
            ],
            swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6]
)
