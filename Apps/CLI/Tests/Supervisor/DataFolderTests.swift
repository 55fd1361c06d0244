import Console
import Foundation
import MartletCore
import MartletDiscovery
import MartletHost
import MartletSecurity
import MartletTesting
import Testing

@testable import CLI

@Suite("Data folder")
struct DataFolderTests {
    private func launch(_ folder: DataFolder, port: Int? = nil, time: ManualTime = ManualTime()) throws -> Launch {
        var free = FreePorts(entropy: SystemEntropy())
        let topology = try Topology(json: TopologyTests.mill)
        return Launch(
            folder: folder,
            system: "this-system",
            topology: topology,
            members: topology.processes,
            port: try port ?? free.reserve(nil),
            programs: "/nowhere",
            crashes: [:],
            settings: ["grindd": [Launch.Setting(name: "host", value: "--x=1")]],
            logLevel: .info,
            runtime: Runtime(time: time, entropy: SystemEntropy())
        )
    }

    @Test("is locked by one supervisor at a time")
    func lock() throws {
        let temporary = try TemporaryFolder()
        let folder = DataFolder(temporary.path)
        let first = try FolderLock.acquire(folder)
        let second = try FolderLock.acquire(folder)
        #expect(first != nil && second == nil && FolderLock.isHeld(folder))
    }

    @Test("reuses the ports after a restart, each for one listener")
    func ports() async throws {
        let temporary = try TemporaryFolder()
        let folder = DataFolder(temporary.path)
        try folder.make()
        let launch = try launch(folder)
        let first = try await launch.prepare().map(\.row)
        // As the supervisor records it.
        try ProcessTable(folder: nil, supervisor: nil, url: "", singleProcess: false, rows: first).write(to: folder)
        let second = try await launch.prepare().map(\.row)
        #expect(first == second)
        let ports = first.flatMap { [$0.http, $0.grpc, $0.operate, $0.health ?? 0] }.filter { $0 != 0 }
        #expect(first.allSatisfy { $0.health ?? 0 > 0 })
        #expect(Set(ports).count == ports.count)
        #expect(first.first?.http == launch.port)
    }

    @Test("has every service's addresses in its registry")
    func registry() async throws {
        let temporary = try TemporaryFolder()
        let folder = DataFolder(temporary.path)
        try folder.make()
        let rows = try await launch(folder).prepare().map(\.row)
        let registry = try RegistryFile.read(folder.registry)
        for row in rows {
            let instance = try #require(registry[row.services[0]]?.first)
            #expect(instance.http?.port ?? 0 == row.http)
            #expect(instance.grpc?.port ?? 0 == row.grpc)
            #expect(instance.operate?.port ?? 0 == row.operate)
        }
    }

    @Test("the event log gets the topology of the run, from which its policy is read; other processes do not")
    func topology() async throws {
        let temporary = try TemporaryFolder()
        let folder = DataFolder(temporary.path)
        try folder.make()
        let launch = try launch(folder)
        let daemons = try await launch.prepare()
        let given = daemons.filter { $0.program.arguments.contains("--topology") }.map(\.row.name)
        #expect(given == launch.topology.processes.filter { $0.services == ["eventlog"] }.map(\.program))
        let written = try Topology(json: Data(contentsOf: URL(fileURLWithPath: folder.topology)))
        #expect(written == launch.topology)
    }

    @Test("has a folder for each process with public keys and its own tokens, which only the owner can read")
    func tokens() async throws {
        let temporary = try TemporaryFolder()
        let folder = DataFolder(temporary.path)
        try folder.make()
        let files = FileManager.default
        let stale = ["\(folder.keys)/grind.token", "\(folder.keys(of: "grindd"))/grind/gone.token"]
        try files.createDirectory(atPath: "\(folder.keys(of: "grindd"))/grind", withIntermediateDirectories: true)
        for path in stale { #expect(files.createFile(atPath: path, contents: Data())) }
        _ = try await launch(folder).prepare()
        let own = try #require(files.subpaths(atPath: folder.keys)).sorted()
        #expect(
            own.filter { !$0.hasSuffix("d") && !$0.hasSuffix("grind") && !$0.hasSuffix("eventlog") } == [
                "gated/jwks.json", "grindd/grind/bins.token", "grindd/grind/eventlog.token",
                "grindd/grind/scales.token", "grindd/jwks.json", "issuer.pem", "jwks.json",
                "logd/eventlog/bins.token", "logd/jwks.json",
            ]
        )
        for name in own where name.hasSuffix(".token") {
            let attributes = try files.attributesOfItem(atPath: "\(folder.keys)/\(name)")
            #expect(attributes[.posixPermissions] as? Int == 0o600)
        }
    }

    @Test(
        "an hour back on the wall clock: within a second there are tokens that are accepted",
        .timeLimit(.minutes(HangLimit.testMinutes))
    )
    func clockStep() async throws {
        let temporary = try TemporaryFolder()
        let folder = DataFolder(temporary.path)
        try folder.make()
        let time = ManualTime()
        let launch = try launch(folder, time: time)
        _ = try await launch.prepare()
        let own = folder.keys(of: "grindd")
        let path = LocalIssuer.tokenPath(of: "grind", to: "eventlog", in: own)
        let file = TokenFile(path: path, every: .seconds(5), time: time)
        let verifier = try await LocalIssuer.verifier(in: own, callees: ["eventlog"], time: time)
        async let _: Void = launch.renewTokens { _ in }
        await time.waitForSleepers()
        time.jumpDate(by: .seconds(-3_600))
        let before = try file.token()
        #expect(throws: Fault.self) { try verifier.verify(before) }
        time.advance(by: .seconds(1))
        // It sleeps again once it has written.
        await time.waitForSleepers()
        time.advance(by: .seconds(5))
        let after = try file.token()
        #expect(try verifier.verify(after).id == "grind")
    }

    @Test("refuses a gateway port that is in use")
    func portInUse() async throws {
        let temporary = try TemporaryFolder()
        let folder = DataFolder(temporary.path)
        try folder.make()
        #if canImport(Glibc)
            let stream = Int32(SOCK_STREAM.rawValue)
        #else
            let stream = SOCK_STREAM
        #endif
        let listener = socket(AF_INET, stream, 0)
        defer { close(listener) }
        #expect(listen(listener, 1) == 0)
        var address = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = getsockname(listener, $0, &size) }
        }
        let launch = try launch(folder, port: Int(in_port_t(bigEndian: address.sin_port)))
        let failure = await #expect(throws: CommandFailure.self) { try await launch.prepare() }
        #expect(failure?.description.contains("port \(launch.port) ") == true)
        #expect(failure?.status == CommandStatus.failed)
    }

    @Test("without a table of processes nothing runs; an unreadable one is an error that names it")
    func unreadableProcesses() throws {
        let temporary = try TemporaryFolder()
        let folder = DataFolder(temporary.path)
        #expect(try ProcessTable.read(folder) == nil)
        let table = ProcessTable(
            folder: nil,
            supervisor: nil,
            url: "http://127.0.0.1:1",
            singleProcess: false,
            rows: []
        )
        try table.write(to: folder)
        #expect(try ProcessTable.read(folder) == table)
        let long = String(repeating: " ", count: ProcessTable.bytesLimit + 1)
        for text in ["", "{", "{}", long] {
            try text.write(toFile: folder.processes, atomically: true, encoding: .utf8)
            let failure = try #require(throws: CommandFailure.self) { try ProcessTable.read(folder) }
            #expect(failure.description.hasPrefix("\(folder.processes): "), "\(failure.description)")
            #expect(failure.status == CommandStatus.failed)
        }
        try FileManager.default.removeItem(atPath: folder.processes)
        try FileManager.default.createDirectory(atPath: folder.processes, withIntermediateDirectories: false)
        #expect(throws: CommandFailure.self) { try ProcessTable.read(folder) }
        let rows = #expect(throws: CommandFailure.self) { try ChaosTarget(folder: folder).rows() }
        #expect(rows?.status == CommandStatus.failed)
    }

    @Test(
        "daemons inherit no variable of the command line; a crash is reported without names, unless it is set otherwise"
    )
    func environment() throws {
        let inherited = Launch.inherited(["PATH": "/bin", "MARTLET_DATA": "x", "MARTLET_CRASH": "a.b:1"])
        #expect(inherited["PATH"] == "/bin")
        #expect(inherited.keys.sorted() == ["PATH", "SWIFT_BACKTRACE"])
        let settings = try #require(inherited["SWIFT_BACKTRACE"]).split(separator: ",")
        #expect(settings.contains("symbolicate=off") && settings.contains("threads=crashed"))
        #expect(Launch.inherited(["SWIFT_BACKTRACE": "enable=no"]) == ["SWIFT_BACKTRACE": "enable=no"])
    }

    @Test("every daemon gets the name of the system")
    func system() async throws {
        let temporary = try TemporaryFolder()
        let folder = DataFolder(temporary.path)
        try folder.make()
        let daemons = try await launch(folder).prepare()
        #expect(!daemons.isEmpty)
        for daemon in daemons {
            let arguments = daemon.program.arguments
            let flag = try #require(arguments.firstIndex(of: "--system"), "\(daemon.row.name)")
            #expect(arguments[flag + 1] == "this-system")
            #expect(arguments.contains("--host=--x=1") == (daemon.row.name == "grindd"))
        }
    }

    @Test("the folder and its files are the owner's, also when they were there before and others could read them")
    func access() throws {
        let temporary = try TemporaryFolder()
        let folder = DataFolder(temporary.file("data"))
        let files = FileManager.default
        // As an earlier version and `mkdir` left it.
        for path in [folder.path, folder.keys, folder.logs] {
            try files.createDirectory(
                atPath: path,
                withIntermediateDirectories: false,
                attributes: [.posixPermissions: 0o755]
            )
        }
        let names = ["registry.json", "orders.sqlite", "orders.sqlite-wal", "keys/jwks.json", "logs/ordersd.log"]
        for name in names {
            let path = "\(folder.path)/\(name)"
            #expect(files.createFile(atPath: path, contents: Data(), attributes: [.posixPermissions: 0o644]))
        }
        try folder.make()
        func mode(_ path: String) throws -> Int? { try files.attributesOfItem(atPath: path)[.posixPermissions] as? Int }
        for path in [folder.path, folder.keys, folder.logs] { #expect(try mode(path) == 0o700, "\(path)") }
        for name in names { #expect(try mode("\(folder.path)/\(name)") == 0o600, "\(name)") }
    }

    @Test("an empty folder that others may read becomes the owner's; one with other contents is refused, and unchanged")
    func shared() throws {
        let temporary = try TemporaryFolder()
        let files = FileManager.default
        let open: [FileAttributeKey: Any] = [.posixPermissions: 0o755]
        for (name, content) in [("empty", nil), ("used", "notes.txt")] {
            let path = temporary.file(name)
            try files.createDirectory(atPath: path, withIntermediateDirectories: false, attributes: open)
            if let content { #expect(files.createFile(atPath: "\(path)/\(content)", contents: Data())) }
            let failure: CommandFailure?
            do throws(CommandFailure) {
                try DataFolder(path).make()
                failure = nil
            } catch {
                failure = error
            }
            let mode = try files.attributesOfItem(atPath: path)[.posixPermissions] as? Int
            #expect(mode == (content == nil ? 0o700 : 0o755))
            #expect((failure == nil) == (content == nil))
            if let failure { #expect(failure.description.contains(path) && failure.description.contains("--data")) }
        }
    }

    @Test("a rotation without room for the copy keeps the earlier files, and is complete later")
    func failedRotation() async throws {
        let temporary = try TemporaryFolder()
        let path = temporary.file("a.log")
        try "older\n".write(toFile: "\(path).1", atomically: false, encoding: .utf8)
        try String(repeating: "newer\n", count: 1_000).write(toFile: path, atomically: false, encoding: .utf8)
        await #expect(processExitsWith: .success) { [path = path as String] in
            signal(SIGXFSZ, SIG_IGN)
            #if canImport(Glibc)
                let fileSize = __rlimit_resource_t(RLIMIT_FSIZE.rawValue)
            #else
                let fileSize = RLIMIT_FSIZE
            #endif
            var limit = rlimit()
            guard getrlimit(fileSize, &limit) == 0 else { exit(2) }
            limit.rlim_cur = 1_000
            guard setrlimit(fileSize, &limit) == 0 else { exit(2) }
            do {
                try ChildLog(path: path).rotate(limit: 3)
                exit(3)
            } catch {}
        }
        let names = try FileManager.default.contentsOfDirectory(atPath: temporary.path).sorted()
        #expect(names == ["a.log", "a.log.1"])
        #expect(ChildLog(path: "\(path).1").tail(1) == ["older"])
        try ChildLog(path: path).rotate(limit: 3)
        #expect(ChildLog(path: "\(path).1").tail(1) == ["newer"])
        #expect(ChildLog(path: "\(path).2").tail(1) == ["older"])
    }

    @Test("rotates a log over the limit and keeps three files")
    func rotation() throws {
        let temporary = try TemporaryFolder()
        let log = ChildLog(path: temporary.file("a.log"))
        for number in 1...5 {
            try "line \(number)\n".write(toFile: log.path, atomically: false, encoding: .utf8)
            try log.rotate(limit: 3)
        }
        let names = try FileManager.default.contentsOfDirectory(atPath: temporary.path).sorted()
        #expect(names == ["a.log", "a.log.1", "a.log.2", "a.log.3"])
        #expect(log.tail(1) == [])
        #expect(ChildLog(path: "\(log.path).1").tail(1) == ["line 5"])
        #expect(ChildLog(path: "\(log.path).3").tail(1) == ["line 3"])
    }
}
