import Foundation
import MartletCore
import MartletTesting
import Synchronization
import Testing

@testable import MartletDiscovery

@Suite("Every registry")
struct RegistryConformanceTests {
    @Test("that is static does what a registry must", arguments: RegistryConformance.Check.allCases)
    func fixed(check: RegistryConformance.Check) async throws {
        let suite = RegistryConformance { services in
            RegistryConformance.Subject(registry: StaticRegistry(services, time: ManualTime()), change: nil)
        }
        try await suite.run(check)
    }

    @Test("in memory does what a registry must", arguments: RegistryConformance.Check.allCases)
    func inMemory(check: RegistryConformance.Check) async throws {
        let suite = RegistryConformance { services in
            let registry = InMemoryRegistry(services)
            return RegistryConformance.Subject(registry: registry) { registry.set($0, $1) }
        }
        try await suite.run(check)
    }

    @Test("in a file does what a registry must", arguments: RegistryConformance.Check.allCases)
    func file(check: RegistryConformance.Check) async throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/registry.json"
        let time = ManualTime()
        let suite = RegistryConformance { services in
            try RegistryFile.write(services, to: path)
            let registry = FileRegistry(path: path, every: .seconds(1), time: time)
            return RegistryConformance.Subject(registry: registry) { service, instances in
                // A watcher has seen the file as it is before it changes.
                if check == .tellsAWatcher { await time.waitForSleepers() }
                var services = try RegistryFile.read(path)
                services[service] = instances
                try RegistryFile.write(services, to: path)
                time.advance(by: .seconds(1))
            }
        }
        try await suite.run(check)
    }
}

@Suite("A registry file")
struct FileRegistryTests {
    let folder: TemporaryFolder
    let time = ManualTime()
    var path: String { folder.path + "/registry.json" }
    var registry: FileRegistry { FileRegistry(path: path, every: .seconds(1), time: time) }
    let orders = Instance(id: "o", http: Address(host: "h", port: 1), grpc: nil, operate: nil)

    init() throws { folder = try TemporaryFolder() }

    @Test("that is bad or gone leaves the last good set", arguments: ["{", nil])
    func keepsLastGood(text: String?) async throws {
        let registry = registry
        try RegistryFile.write(["orders": [orders]], to: path)
        #expect(try await registry.resolve("orders") == [orders])
        if let text {
            try text.write(toFile: path, atomically: true, encoding: .utf8)
        } else {
            try FileManager.default.removeItem(atPath: path)
        }
        time.advance(by: .seconds(1))
        #expect(try await registry.resolve("orders") == [orders])
        #expect(registry.bad != nil)

        try RegistryFile.write(["carts": [orders]], to: path)
        time.advance(by: .seconds(1))
        #expect(try await registry.resolve("orders") == [])
        #expect(registry.bad == nil)
    }

    @Test("that could not be read for a moment is read again, although it has not changed")
    func readAgain() async throws {
        let isShort = Mutex(false)
        let registry = FileRegistry(path: path, every: .seconds(1), time: time) { path throws(RegistryFile.Bad) in
            guard isShort.withLock({ $0 }) else { return try RegistryFile.read(path) }
            throw RegistryFile.Bad(path: path, line: 0, key: "", message: "cannot be opened: too many open files")
        }
        try RegistryFile.write(["orders": [orders]], to: path)
        #expect(try await registry.resolve("orders") == [orders])

        let moved = Instance(id: "o", http: Address(host: "h", port: 2), grpc: nil, operate: nil)
        try RegistryFile.write(["orders": [moved]], to: path)
        isShort.withLock { $0 = true }
        time.advance(by: .seconds(1))
        #expect(try await registry.resolve("orders") == [orders])

        isShort.withLock { $0 = false }
        time.advance(by: .seconds(1))
        #expect(try await registry.resolve("orders") == [moved])
        #expect(registry.bad == nil)
    }

    @Test("that names nobody any more leaves those whom it named, and is believed when it never named anybody")
    func keepsEverybody() async throws {
        let registry = registry
        try RegistryFile.write([:], to: path)
        #expect(try await registry.services() == [])
        #expect(registry.bad == nil)

        try RegistryFile.write(["orders": [orders]], to: path)
        time.advance(by: .seconds(1))
        #expect(try await registry.resolve("orders") == [orders])

        try RegistryFile.write([:], to: path)
        time.advance(by: .seconds(1))
        #expect(try await registry.resolve("orders") == [orders])
        #expect(registry.bad?.key == "services")
    }

    @Test("that was never there is a fault of availability")
    func neverThere() async throws {
        let error = try await #require(throws: RegistryFile.Bad.self) { try await registry.resolve("orders") }
        #expect(error.fault.code == .unavailable)
    }

    @Test(
        "says line and key of its fault",
        arguments: [
            ("{\n \"version\": 2, \"services\": {}}", 2, "version"),
            ("{\"version\": 1,\n\"services\": {\n\"a\": {}}}", 3, "services.a"),
            (
                "{\"version\": 1, \"services\": {\"a\": [\n{\"id\": \"1\",\n\"grpc\": \"nowhere\"}]}}", 3,
                "services.a[0].grpc"
            ),
            ("{\"version\": 1, \"services\": {\"a\": [\n{\"grpc\": \"h:1\"}]}}", 2, "services.a[0].id"),
            ("{\"version\": 1, \"servces\": {}}", 1, "servces"),
            ("{\"version\": 1,\n\n oops", 3, ""),
            ("", 1, ""),
        ]
    )
    func faults(text: String, line: Int, key: String) throws {
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        let bad = try #require(throws: RegistryFile.Bad.self) { try RegistryFile.read(path) }
        #expect(bad.line == line)
        #expect(bad.key == key)
    }
}

@Suite("A balancer")
struct BalancerTests {
    @Test("takes instances in turn, and says when there is none")
    func turns() async throws {
        let registry = InMemoryRegistry()
        let balancer = Balancer(for: "orders", in: registry)
        let fault = try await #require(throws: Fault.self) { try await balancer.pick() }
        #expect(fault.code == .unavailable)
        registry.set("orders", ["a", "b"].map { Instance(id: $0, http: nil, grpc: nil, operate: nil) })
        var picked: [String] = []
        for _ in 1...4 { picked.append(try await balancer.pick().id) }
        #expect(picked == ["a", "b", "a", "b"])
        #expect(try await balancer.pick { $0.id == "b" }.id == "b")
    }
}

@Suite("An address")
struct AddressTests {
    @Test("is read back as it is written", arguments: ["h:1", "127.0.0.1:65535", "[::1]:80"])
    func reads(text: String) { #expect(Address(text)?.description == text) }

    @Test("of another form is none", arguments: ["h", "h:", ":1", "h:0", "h:65536", "::1:80", "a b:1", "h:1x"])
    func refuses(text: String) { #expect(Address(text) == nil) }
}
