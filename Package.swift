// swift-tools-version: 6.2
import PackageDescription

// The architecture as a table. Each helper function at the foot can express only the edges that ARCHITECTURE.md allows;
// `Scripts/checks/layers` reads the manifest's dump and refuses any other.

nonisolated(unsafe) var targets: [Target] = []
// What other packages may depend on: every kit and every adapter, their groups, and the programs of any system.
nonisolated(unsafe) var products: [Product] = []
nonisolated(unsafe) var kitLevels: [String: Int] = [:]
// The rows of the contracts and of the shop's services, for the programs that contain all of them.
nonisolated(unsafe) var allContracts: [Target.Dependency] = []
nonisolated(unsafe) var allServices: [Target.Dependency] = []
// The executables of the rows of services and of apps: what `make run` builds.
nonisolated(unsafe) var programs: [Target.Dependency] = []

// MARK: Toolkit, by level: a module sees only modules of lower levels

kit("Core", level: 0)

kit("Telemetry", level: 1, on: ["Core"], libraries: [.logging, .metrics, .tracing])
kit("Config", level: 1, on: ["Core"])
kit("HTTP", level: 1, on: ["Core"], libraries: [.httpTypes, .nio])
kit("SQL", level: 2, on: ["Core", "Telemetry"], libraries: [.logging])
kit("Messaging", level: 2, on: ["Core", "Telemetry"], libraries: [.logging])
kit("Discovery", level: 2, on: ["Core", "Telemetry"], libraries: [.logging])
kit("Security", level: 2, on: ["Core", "Telemetry"], libraries: [.logging, .crypto])

kit(
    "Contract",
    level: 3,
    on: ["Core", "SQL"],
    libraries: [.protobuf],
    testingOn: ["Messaging", "TestContract"]
)

kit(
    "Resilience",
    level: 4,
    on: ["Core", "Telemetry", "Discovery", "Contract"],
    libraries: [.logging],
    testing: [.protobuf]
)
kit(
    "RPC",
    level: 4,
    on: ["Core", "Telemetry", "Contract"],
    libraries: [.logging, .protobuf, .nio, .nioPosix, .nioHTTP2, .nioHPACK, .lifecycle],
    testing: [.nioEmbedded],
    testingBeside: ["Interop/interop.py"]
)
kit(
    "REST",
    level: 4,
    on: ["Core", "Telemetry", "Contract", "HTTP"],
    libraries: [.logging, .lifecycle, .protobuf, .hummingbirdCore, .httpTypes, .nio, .nioPosix, .nioHTTP1],
    testing: [.nioEmbedded],
    testingOn: ["TestContract"]
)
kit(
    "Outbox",
    level: 4,
    on: ["Core", "Telemetry", "Contract", "SQL", "Messaging"],
    libraries: [.logging, .crypto, .protobuf]
)
kit("EventSourcing", level: 4, on: ["Core", "Telemetry", "SQL"], libraries: [.logging])
kit("Workflows", level: 4, on: ["Core", "Telemetry", "SQL"], libraries: [.logging, .crypto])
kit("EventLog", level: 4, on: ["Core", "Telemetry", "Contract", "SQL", "Messaging"], libraries: [.logging, .protobuf])

kit(
    "Host",
    level: 5,
    on: [
        "Core", "Telemetry", "Config", "HTTP", "Contract", "SQL", "Messaging", "Discovery", "Resilience", "Security",
        "RPC", "REST", "Outbox", "EventSourcing", "Workflows",
    ],
    libraries: [.logging, .metrics, .lifecycle, .signals, .protobuf, .httpTypes, .nio, .nioPosix]
)
kit(
    "Testing",
    level: 5,
    on: ["Core", "Telemetry", "Contract", "SQL", "Messaging", "Discovery", "Resilience"],
    libraries: [.protobuf]
)
kit("Simulation", level: 5, on: ["Core", "Contract", "SQL", "Discovery", "Resilience"])

// What an author of services imports, as one module.
let authors = [
    "Core", "Telemetry", "Config", "HTTP", "SQL", "Messaging", "Contract", "Resilience", "Outbox", "EventSourcing",
    "Workflows", "Host",
]
library("Martlet", at: "Toolkit/Martlet", on: martlet(authors))
product("Martlet", of: ["Martlet"] + authors.map { "Martlet\($0)" })

// A contract for the tests of Contract and REST, generated like those of the shop.
library(
    "MartletTestContract",
    at: "Toolkit/Contract/Fixtures",
    on: kits("Core", "Contract", "Messaging") + [Library.protobuf.product]
)

// MARK: Adapters, each behind one Toolkit protocol

adapter("SQLite", on: ["Core", "Telemetry", "SQL"], system: "CSQLite", of: "libsqlite3-dev", libraries: [.logging])
adapter(
    "PostgreSQL",
    on: ["Core", "Telemetry", "SQL"],
    system: "CPostgreSQL",
    of: "libpq-dev",
    libraries: [.logging],
    startsServers: true
)
adapter(
    "EventLogClient",
    on: ["Core", "Telemetry", "Contract", "Messaging", "EventLog"],
    libraries: [.logging, .protobuf]
)

adapter(
    "NATS",
    on: ["Core", "Telemetry", "Messaging"],
    system: "CNATS",
    of: "libnats-dev",
    libraries: [.logging, .nio, .nioPosix, .nioHTTP1]
)
adapter("AsyncHTTP", on: ["Core", "Resilience"], libraries: [.asyncHTTPClient, .nio, .nioHTTP1, .nioPosix])

// MARK: Contracts: the only thing that services share

contract("Shared")
contract("Catalog", on: ["Shared"])
contract("Inventory", on: ["Shared"])
contract("Carts", on: ["Shared"])
contract("Orders", on: ["Shared"])
contract("Payments", on: ["Shared"])
contract("Provider", on: ["Shared"])

// MARK: The shop

service("Catalog", daemon: "catalogd")
service("Inventory", daemon: "inventoryd", using: ["Orders"])
service("Carts", daemon: "cartsd", using: ["Catalog", "Orders"])
service("Orders", daemon: "ordersd", using: ["Catalog", "Carts", "Inventory", "Payments"])
service("Payments", daemon: "paymentsd", using: ["Provider"], testedWith: ["Provider"])
service("Provider", daemon: "testproviderd")

// MARK: Apps: where adapters are chosen

library("CrashList", at: "Apps/CrashList", on: [])
// The one place where the daemons' adapters are chosen.
library(
    "MartletDaemon",
    at: "Apps/Daemon",
    on: kits("Core", "Config", "SQL", "Messaging", "Resilience", "Host") + adapters("SQLite", "EventLogClient")
)
app(
    "Gateway",
    executable: "gatewayd",
    on: [
        kits("Core", "Telemetry", "Config", "HTTP", "Contract", "Discovery", "Security", "Resilience", "REST", "Host"),
        // Those of its generated routes and of its OpenAPI document.
        allContracts,
    ],
    libraries: [.logging, .httpTypes, .nio, .nioHTTP1, .lifecycle]
)
app(
    "EventLogDaemon",
    executable: "eventlogd",
    on: [kits("Core", "Contract", "Messaging", "EventLog", "Host", "SQL", "Telemetry"), ["MartletDaemon"]]
)
app(
    "Shop",
    executable: "shop",
    on: [
        kits("Core", "Telemetry", "Contract", "SQL", "Messaging", "Outbox", "EventLog", "Host"), ["MartletDaemon"],
        allContracts, allServices,
    ],
    libraries: [.logging],
    testing: adapters("PostgreSQL", "PostgreSQLTesting")
)
product("MartletDaemon")
products.append(.executable(name: "eventlogd", targets: ["eventlogd"]))
products.append(.executable(name: "martlet", targets: ["martlet"]))
// Shared by the operators' programs; independent of any system.
library(
    "Console",
    at: "Apps/Console",
    on: kits("Core", "Contract", "Discovery", "RPC", "Security", "EventLog", "Host")
        + [Library.argumentParser, .protobuf].map(\.product)
)
// Runs any system from its topology: no contract and no service of one.
app(
    "CLI",
    executable: "martlet",
    on: [
        ["Console"],
        kits("Core", "Contract", "SQL", "Outbox", "EventLog", "Discovery", "REST", "Security", "Host"),
        adapters("SQLite"),
    ],
    libraries: [.argumentParser, .nio, .nioHTTP1, .protobuf, .signals]
)
app(
    "Retail",
    executable: "martlet-retail",
    on: [["Console"], kits("Core", "Contract", "Messaging", "REST", "Security", "Host"), allContracts],
    libraries: [.argumentParser, .nio, .nioHTTP1, .histogram, .protobuf]
)

// What `make run` builds. A dependency on an executable is only an order of building: nothing is linked.
library("Programs", at: "Apps/Programs", on: programs)

// MARK: Simulations: services, and the whole shop, under a seed

simulation(
    "SimulatedDisk",
    at: "Simulations/Disk",
    on: kits("Core", "SQL") + adapters("SQLite") + ["CSQLite", Library.logging.product]
)
// Any services in a simulated cluster: no contract and no service of the shop.
simulation(
    "SimulatedCluster",
    at: "Simulations/Cluster",
    on: kits(
        "Core",
        "Telemetry",
        "Contract",
        "SQL",
        "Messaging",
        "Outbox",
        "EventLog",
        "Resilience",
        "Host",
        "Simulation",
        "Testing"
    )
        + adapters("SQLite", "EventLogClient") + ["SimulatedDisk", Library.logging.product],
    testing: kits("Config", "TestContract", "Workflows") + [Library.protobuf.product]
)
// Services under test, in process, over loopback or under a seed.
simulation(
    "MartletTestBench",
    at: "Simulations/Bench",
    on: kits(
        "Core",
        "Telemetry",
        "SQL",
        "Messaging",
        "Contract",
        "Security",
        "Resilience",
        "RPC",
        "EventLog",
        "Host",
        "Testing"
    ) + adapters("SQLite") + ["SimulatedCluster", Library.logging.product],
    testing: kits("Outbox", "Workflows", "TestContract") + [Library.protobuf.product]
)
product("MartletTesting", of: ["MartletTesting", "MartletTestBench"])
product("MartletSimulation", of: ["MartletSimulation", "SimulatedDisk", "SimulatedCluster"])
// The invariants that one service's views show, as queries: the fault injection reads the same files.
library(
    "StoredInvariants",
    at: "Simulations/Invariants",
    on: [],
    embedding: ["common.sql", "inventory.sql", "orders.sql", "payments.sql", "provider.sql"]
)
simulation(
    "ShopSimulation",
    at: "Simulations/Shop",
    on: kits(
        "Core",
        "Contract",
        "SQL",
        "Messaging",
        "Outbox",
        "Workflows",
        "EventLog",
        "Host",
        "Simulation",
        "Testing"
    )
        + adapters("SQLite")
        + allContracts + allServices + ["Shop", "SimulatedCluster", "SimulatedDisk", "StoredInvariants"]
        + [Library.protobuf.product]
)
executable(
    "martlet-sim",
    at: "Simulations/Shop/Program",
    on: kits("Core", "Simulation")
        + ["ShopSimulation", "SimulatedCluster", "CrashList", Library.argumentParser.product, Library.logging.product]
)
// A steady load on an outbox, an event log and a consumer, to see that purging keeps up.
executable(
    "prove-purge",
    at: "Simulations/Purge/Program",
    on: kits("Core", "SQL", "Messaging", "Outbox", "EventLog") + adapters("SQLite")
        + [Library.argumentParser.product]
)
// A service without tables, of which a test of whole programs runs several instances.
executable(
    "statelessd",
    at: "Simulations/Replicas/Program",
    on: kits("Contract", "Host") + contracts("Catalog") + [Library.protobuf.product]
)

// MARK: Tools

tool("protoc-gen-martlet", libraries: [.protobuf, .protobufPlugin])

// MARK: Tests of whole programs, as processes of their own

library("BuiltPrograms", at: "Tests/Programs", on: [])
tests(
    "SystemTests",
    at: "Tests/System",
    on: [
        kits("Core", "Contract", "SQL", "Discovery", "Security", "RPC", "REST", "EventLog", "Host", "Testing"),
        adapters("SQLite"), contracts("Orders"),
        ["BuiltPrograms", "martlet", "martlet-retail", "statelessd", "Gateway", "Shop"],
    ],
    libraries: [.crypto, .nio, .nioHTTP1, .protobuf]
)
tests(
    "SimulationTests",
    at: "Tests/Simulation",
    on: [["BuiltPrograms", "martlet-sim"]],
    libraries: []
)

// MARK: - Third-party libraries

enum Library {
    case argumentParser, asyncHTTPClient, crypto, histogram, httpTypes, hummingbirdCore
    case lifecycle, logging, metrics, nio, nioEmbedded, nioHPACK, nioHTTP1, nioHTTP2, nioPosix, protobuf
    case protobufPlugin, signals, tracing

    var product: Target.Dependency {
        switch self {
        case .argumentParser: .product(name: "ArgumentParser", package: "swift-argument-parser")
        case .asyncHTTPClient: .product(name: "AsyncHTTPClient", package: "async-http-client")
        case .crypto: .product(name: "Crypto", package: "swift-crypto")
        case .histogram: .product(name: "Histogram", package: "hdrhistogram-swift")
        case .httpTypes: .product(name: "HTTPTypes", package: "swift-http-types")
        case .hummingbirdCore: .product(name: "HummingbirdCore", package: "hummingbird")
        case .lifecycle: .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
        case .logging: .product(name: "Logging", package: "swift-log")
        case .metrics: .product(name: "CoreMetrics", package: "swift-metrics")
        case .nio: .product(name: "NIOCore", package: "swift-nio")
        case .nioEmbedded: .product(name: "NIOEmbedded", package: "swift-nio")
        case .nioHPACK: .product(name: "NIOHPACK", package: "swift-nio-http2")
        case .nioHTTP1: .product(name: "NIOHTTP1", package: "swift-nio")
        case .nioHTTP2: .product(name: "NIOHTTP2", package: "swift-nio-http2")
        case .nioPosix: .product(name: "NIOPosix", package: "swift-nio")
        case .protobuf: .product(name: "SwiftProtobuf", package: "swift-protobuf")
        case .signals: .product(name: "UnixSignals", package: "swift-service-lifecycle")
        case .protobufPlugin: .product(name: "SwiftProtobufPluginLibrary", package: "swift-protobuf")
        case .tracing: .product(name: "Tracing", package: "swift-distributed-tracing")
        }
    }
}

let package = Package(
    name: "martlet",
    products: products,
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-distributed-tracing.git", from: "1.7.3"),
        .package(url: "https://github.com/apple/swift-http-types.git", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics.git", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-http2.git", from: "1.46.0"),
        .package(url: "https://github.com/apple/swift-protobuf.git", from: "1.39.0"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift.git", .upToNextMinor(from: "0.2.0")),
        // `HummingbirdCore` only. Without `ConfigurationSupport`, which compiles swift-configuration for nothing here.
        .package(
            url: "https://github.com/hummingbird-project/hummingbird.git",
            from: "2.28.1",
            traits: ["FullFoundation"]
        ),
        .package(url: "https://github.com/swift-server/async-http-client.git", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
    ],
    targets: targets
)

// MARK: - The rows of the table

/// A module of the toolkit: sees lower levels only.
func kit(
    _ name: String,
    level: Int,
    on kits: [String] = [],
    libraries: [Library] = [],
    testing: [Library] = [],
    testingOn testedKits: [String] = [],
    testingBeside otherFiles: [String] = []
) {
    for lower in kits {
        guard let lowerLevel = kitLevels[lower], lowerLevel < level else {
            fatalError("\(name) may not import \(lower)")
        }
    }
    kitLevels[name] = level
    let seen = martlet(kits) + libraries.map(\.product)
    library("Martlet\(name)", at: "Toolkit/\(name)", on: seen)
    if !["Testing", "Simulation"].contains(name) { product("Martlet\(name)") }
    // Tests may choose an adapter from level 2 on, as programs do.
    var tested = seen + [.byName(name: "Martlet\(name)")]
    if level >= 2 { tested += ["MartletSQLite"] }
    if level >= 2, name != "Testing" { tested += ["MartletTesting"] }
    testTarget(
        "Martlet\(name)Tests",
        at: "Toolkit/\(name)/Tests",
        on: tested + martlet(testedKits) + testing.map(\.product),
        excluding: otherFiles
    )
}

/// One outside technology behind one protocol of the toolkit.
///
/// - Parameters:
///   - system: The module of a library of the system, in the adapter's folder.
///   - package: Debian's, with the headers of `system`.
///   - startsServers: Whether `Testing/` has servers for its tests and for those of the toolkit.
func adapter(
    _ name: String,
    on kits: [String],
    system: String? = nil,
    of package: String = "",
    libraries: [Library] = [],
    startsServers: Bool = false
) {
    var seen = martlet(kits) + libraries.map(\.product)
    if let system {
        targets.append(
            .systemLibrary(name: system, path: "Adapters/\(name)/\(system)", providers: [.apt([package])])
        )
        seen.append(.byName(name: system))
    }
    library("Martlet\(name)", at: "Adapters/\(name)", on: seen)
    product("Martlet\(name)")
    var tested: [Target.Dependency] = [.byName(name: "Martlet\(name)"), "MartletTesting", "MartletSQLite"]
    if kits.contains("Contract") { tested += ["MartletRPC"] }
    if startsServers {
        library(
            "Martlet\(name)Testing",
            at: "Adapters/\(name)/Testing",
            on: martlet(kits) + [.byName(name: "Martlet\(name)"), "MartletTesting"]
        )
        tested += [.byName(name: "Martlet\(name)Testing")]
    }
    testTarget("Martlet\(name)Tests", at: "Adapters/\(name)/Tests", on: unique(seen + tested))
}

/// A contract: generated from `Contracts/proto`, sees the toolkit's types for contracts, and shared messages.
func contract(_ name: String, on others: [String] = []) {
    allContracts.append(.byName(name: "\(name)Contract"))
    library(
        "\(name)Contract",
        at: "Contracts/\(name)",
        on: martlet(["Core", "Contract", "Messaging"]) + others.map { .byName(name: "\($0)Contract") }
            + [Library.protobuf.product]
    )
}

/// A service: its own contract, contracts that it uses, the toolkit; never another service, never an adapter.
func service(
    _ name: String,
    daemon: String,
    using contracts: [String] = [],
    testedWith services: [String] = []
) {
    let seen =
        martlet([
            "Core", "Telemetry", "Config", "HTTP", "Contract", "SQL", "Messaging", "Resilience", "Outbox",
            "EventSourcing", "Workflows", "Host",
        ])
        + ([name, "Shared"] + contracts).map { .byName(name: "\($0)Contract") }
        + [Library.logging.product, Library.protobuf.product]
    allServices.append(.byName(name: name))
    library(name, at: "Services/\(name)", on: seen)
    testTarget(
        "\(name)Tests",
        at: "Services/\(name)/Tests",
        on: seen + ([name] + services).map { .byName(name: $0) } + [
            "MartletTesting", "MartletTestBench", "MartletSQLite",
        ]
    )
    executable(
        daemon,
        at: "Services/\(name)/Daemon",
        on: [.byName(name: name), "CrashList", "MartletDaemon"]
    )
    programs.append(.byName(name: daemon))
}

/// A program: one library with its code, one executable that starts it.
func app(
    _ name: String,
    executable program: String,
    on groups: [[Target.Dependency]],
    libraries: [Library] = [],
    testing tested: [Target.Dependency] = []
) {
    let seen = groups.flatMap { $0 } + ["CrashList"] + libraries.map(\.product)
    library(name, at: "Apps/\(name)", on: seen)
    testTarget(
        "\(name)Tests",
        at: "Apps/\(name)/Tests",
        on: seen + [.byName(name: name), "MartletTesting", "MartletSQLite"] + tested
    )
    executable(program, at: "Apps/\(name)/Program", on: [.byName(name: name)])
    programs.append(.byName(name: program))
}

/// A part of the simulated world: a library, so that runs and their tests share it.
func simulation(
    _ name: String,
    at path: String,
    on seen: [Target.Dependency],
    testing tested: [Target.Dependency] = []
) {
    library(name, at: path, on: seen)
    testTarget("\(name)Tests", at: "\(path)/Tests", on: seen + [.byName(name: name), "MartletTesting"] + tested)
}

/// A library of the package, for other packages.
///
/// - Parameter targets: Its modules; by default the one of its name.
func product(_ name: String, of targets: [String]? = nil) {
    products.append(.library(name: name, targets: targets ?? [name]))
}

func tool(_ name: String, libraries: [Library]) {
    executable(name, at: "Tools/\(name)/Sources", on: libraries.map(\.product))
}

func tests(_ name: String, at path: String, on groups: [[Target.Dependency]], libraries: [Library]) {
    testTarget(name, at: path, on: groups.flatMap { $0 } + libraries.map(\.product))
}

func kits(_ names: String...) -> [Target.Dependency] { martlet(names) }
func adapters(_ names: String...) -> [Target.Dependency] { martlet(names) }
func contracts(_ names: String...) -> [Target.Dependency] { names.map { .byName(name: "\($0)Contract") } }

func martlet(_ names: [String]) -> [Target.Dependency] { names.map { .byName(name: "Martlet\($0)") } }

/// - Parameter files: Compiled into the module, which reads them as `PackageResources`.
func library(_ name: String, at path: String, on dependencies: [Target.Dependency], embedding files: [String] = []) {
    targets.append(
        .target(
            name: name,
            dependencies: dependencies,
            path: "\(path)/Sources",
            resources: files.map { .embedInCode($0) },
            swiftSettings: strict()
        )
    )
}

func executable(_ name: String, at path: String, on dependencies: [Target.Dependency]) {
    targets.append(.executableTarget(name: name, dependencies: dependencies, path: path, swiftSettings: strict()))
}

/// - Parameter files: In its folder, and not part of it.
func testTarget(_ name: String, at path: String, on dependencies: [Target.Dependency], excluding files: [String] = []) {
    targets.append(
        .testTarget(
            name: name,
            dependencies: unique(dependencies),
            path: path,
            exclude: files,
            swiftSettings: strict()
        )
    )
}

func strict() -> [SwiftSetting] {
    [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .treatAllWarnings(as: .error),
    ]
}

func unique(_ dependencies: [Target.Dependency]) -> [Target.Dependency] {
    var seen: Set<String> = []
    return dependencies.filter { seen.insert("\($0)").inserted }
}
