import Foundation
import MartletCore
import MartletTesting
import Synchronization
import Testing

@testable import MartletDiscovery

@Suite("Registry conformance")
struct RegistryConformanceTests {
    @Test("static registry", arguments: RegistryConformance.Check.allCases)
    func staticRegistry(check: RegistryConformance.Check) async throws {
        let suite = RegistryConformance { services in
            RegistryConformance.Subject(registry: StaticRegistry(services, time: ManualTime()), change: nil)
        }
        try await suite.run(check)
    }

    @Test("in-memory registry", arguments: RegistryConformance.Check.allCases)
    func inMemory(check: RegistryConformance.Check) async throws {
        let suite = RegistryConformance { services in
            let registry = InMemoryRegistry(services)
            return RegistryConformance.Subject(registry: registry) { registry.set($0, $1) }
        }
        try await suite.run(check)
    }

    @Test("file registry", arguments: RegistryConformance.Check.allCases)
    func file(check: RegistryConformance.Check) async throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/registry.json"
        let time = ManualTime()
        let suite = RegistryConformance { services in
            try RegistryFile.write(services, to: path)
            let registry = FileRegistry(path: path, every: .seconds(1), time: time)
            return RegistryConformance.Subject(registry: registry) { service, instances in
                // The watcher must have read the file before it changes.
                if [.notifiesWatcher, .snapshotFollowsWatcher].contains(check) { await time.waitForSleepers() }
                var services = try RegistryFile.read(path)
                services[service] = instances
                try RegistryFile.write(services, to: path)
                registry.refresh()
                time.advance(by: .seconds(1))
            }
        }
        try await suite.run(check)
    }
}

@Suite("File registry")
struct FileRegistryTests {
    let folder: TemporaryFolder
    let time = ManualTime()
    var path: String { folder.path + "/registry.json" }
    var registry: FileRegistry { FileRegistry(path: path, every: .seconds(1), time: time) }
    let parcels = Instance(id: "o", http: Address(host: "h", port: 1), grpc: nil, operate: nil)

    init() throws { folder = try TemporaryFolder() }

    @Test("is readable by its owner only; a failed write leaves the file and no other")
    func written() throws {
        try RegistryFile.write(["links": [parcels]], to: path)
        #expect(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int == 0o600)
        let blocked = folder.file("blocked")
        try FileManager.default.createDirectory(atPath: blocked, withIntermediateDirectories: false)
        let invalid = try #require(throws: RegistryFile.Invalid.self) { try RegistryFile.write([:], to: blocked) }
        #expect(invalid.description.hasPrefix("\(blocked): cannot be written: "), "\(invalid)")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
        #expect(names == ["blocked", "registry.json"])
    }

    @Test("an invalid or missing file leaves the last valid set in use", arguments: ["{", nil])
    func invalid(text: String?) async throws {
        let registry = registry
        try RegistryFile.write(["parcels": [parcels]], to: path)
        registry.refresh()
        #expect(try registry.snapshot("parcels") == [parcels])
        if let text {
            try text.write(toFile: path, atomically: true, encoding: .utf8)
        } else {
            try FileManager.default.removeItem(atPath: path)
        }
        registry.refresh()
        #expect(try registry.snapshot("parcels") == [parcels])
        #expect(registry.fault != nil)

        try RegistryFile.write(["links": [parcels]], to: path)
        registry.refresh()
        #expect(try registry.snapshot("parcels") == [])
        #expect(registry.fault == nil)
    }

    @Test("a snapshot reads no file: only the watcher does, when the file has changed")
    func snapshots() async throws {
        let reads = Mutex(0)
        try RegistryFile.write(["parcels": [parcels]], to: path)
        let registry = FileRegistry(path: path, every: .seconds(1), time: time) { path throws(RegistryFile.Invalid) in
            reads.withLock { $0 += 1 }
            return try RegistryFile.read(path)
        }
        let moved = Instance(id: "o", http: Address(host: "h", port: 2), grpc: nil, operate: nil)
        try RegistryFile.write(["parcels": [moved]], to: path)
        time.advance(by: .seconds(3_600))
        for _ in 1...100 { #expect(try registry.snapshot("parcels") == [parcels]) }
        #expect(reads.withLock { $0 } == 1)
        try await registry.whileWatched {
            await time.waitForSleepers(1)
            let known = try registry.snapshot("parcels")
            #expect(known == [moved])
            time.advance(by: .seconds(1))
            await time.waitForSleepers(1)
        }
        #expect(reads.withLock { $0 } == 2)
    }

    @Test("an unchanged file is read again after a failed read")
    func readAgain() async throws {
        let isFailing = Mutex(false)
        let registry = FileRegistry(path: path, every: .seconds(1), time: time) { path throws(RegistryFile.Invalid) in
            guard isFailing.withLock({ $0 }) else { return try RegistryFile.read(path) }
            throw RegistryFile.Invalid(path: path, line: 0, key: "", message: "cannot be opened: too many open files")
        }
        try RegistryFile.write(["parcels": [parcels]], to: path)
        registry.refresh()
        #expect(try registry.snapshot("parcels") == [parcels])

        let moved = Instance(id: "o", http: Address(host: "h", port: 2), grpc: nil, operate: nil)
        try RegistryFile.write(["parcels": [moved]], to: path)
        isFailing.withLock { $0 = true }
        registry.refresh()
        #expect(try registry.snapshot("parcels") == [parcels])

        isFailing.withLock { $0 = false }
        registry.refresh()
        #expect(try registry.snapshot("parcels") == [moved])
        #expect(registry.fault == nil)
    }

    @Test("an empty file is accepted at first, and rejected after it has listed instances")
    func empty() async throws {
        let registry = registry
        try RegistryFile.write([:], to: path)
        registry.refresh()
        #expect(try registry.services() == [])
        #expect(registry.fault == nil)

        try RegistryFile.write(["parcels": [parcels]], to: path)
        registry.refresh()
        #expect(try registry.snapshot("parcels") == [parcels])

        try RegistryFile.write([:], to: path)
        registry.refresh()
        #expect(try registry.snapshot("parcels") == [parcels])
        #expect(registry.fault?.key == "services")
    }

    @Test("a file that never existed fails with `unavailable`")
    func missing() async throws {
        let error = try #require(throws: RegistryFile.Invalid.self) { try registry.snapshot("parcels") }
        #expect(error.fault.code == .unavailable)
    }

    @Test(
        "reports the line and key of a fault",
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
        let invalid = try #require(throws: RegistryFile.Invalid.self) { try RegistryFile.read(path) }
        #expect(invalid.line == line)
        #expect(invalid.key == key)
    }
}

@Suite("Address")
struct AddressTests {
    @Test("parses what it prints", arguments: ["h:1", "127.0.0.1:65535", "[::1]:80"])
    func parses(text: String) { #expect(Address(text)?.description == text) }

    @Test("rejects other forms", arguments: ["h", "h:", ":1", "h:0", "h:65536", "::1:80", "a b:1", "h:1x"])
    func rejects(text: String) { #expect(Address(text) == nil) }
}
