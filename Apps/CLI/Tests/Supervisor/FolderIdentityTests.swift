import Console
import Foundation
import MartletCore
import MartletDiscovery
import MartletSecurity
import MartletTesting
import Testing

@testable import CLI

@Suite("Identity of a data folder", .timeLimit(.minutes(HangLimit.testMinutes)))
struct FolderIdentityTests {
    let temporary: TemporaryFolder
    let folder: DataFolder
    let copy: DataFolder

    init() throws {
        temporary = try TemporaryFolder()
        folder = DataFolder(temporary.file("data"))
        copy = DataFolder(temporary.file("copy"))
        try folder.make()
    }

    /// What a supervisor leaves in its folder while this process runs as a daemon.
    private func fill(identity: String?) async throws {
        let issuer = try await LocalKeys(folder: folder, time: ManualTime()).issuer()
        let own = folder.keys(of: "milld")
        _ = try await issuer.writeServiceToken("mill", to: "eventlog", in: own, lifetime: .seconds(60))
        let address = Address(host: "127.0.0.1", port: 20_001)
        try RegistryFile.write(
            ["mill": [Instance(id: "mill-1", http: nil, grpc: nil, operate: address)]],
            to: folder.registry
        )
        let mark = ProcessIdentity(pid: getpid())
        let row = ProcessTable.Row(
            name: "milld",
            services: ["mill"],
            state: .ready,
            mark: mark,
            restarts: 0,
            http: 20_000,
            grpc: 0,
            operate: 20_001,
            health: 20_002,
            log: ""
        )
        try ProcessTable(folder: identity, supervisor: mark, url: "", singleProcess: false, rows: [row]).write(
            to: folder
        )
    }

    private func makeCopy() throws { try FileManager.default.copyItem(atPath: folder.path, toPath: copy.path) }

    private func keySet(_ folder: DataFolder) -> Data? {
        FileManager.default.contents(atPath: LocalIssuer.keySetPath(in: folder.keys))
    }

    @Test("a new folder gets one, and keeps it")
    func kept() throws {
        #expect(try folder.origin() == .unknown)
        let first = try folder.claim(id: "a")
        let second = try folder.claim(id: "b")
        #expect(first.identity.id == "a" && second.identity.id == "a")
        #expect(first.original == nil && second.original == nil)
        #expect(try folder.origin() == .own(first.identity))
        let mode = try FileManager.default.attributesOfItem(atPath: folder.identity)[.posixPermissions] as? Int
        #expect(mode == 0o600)
    }

    @Test("a renamed folder keeps it, with its keys, its ports and its processes")
    func renamed() async throws {
        _ = try folder.claim(id: "a")
        try await fill(identity: "a")
        let keys = keySet(folder)
        try FileManager.default.moveItem(atPath: folder.path, toPath: copy.path)
        let (identity, original) = try copy.claim(id: "b")
        #expect(identity.id == "a" && identity.path == copy.path && original == nil)
        #expect(keySet(copy) == keys)
        #expect(try ProcessTable.read(copy)?.rows.count == 1)
        #expect(try OperatorClient.read(copy).count == 1)
    }

    @Test("on a copy nothing runs: no process, address or key of the original is used")
    func copied() async throws {
        _ = try folder.claim(id: "a")
        try await fill(identity: "a")
        try makeCopy()
        #expect(try ProcessTable.read(copy) == nil)
        let registry = #expect(throws: CommandFailure.self) { try OperatorClient.read(copy) }
        let keys = await #expect(throws: CommandFailure.self) {
            try await LocalKeys(folder: copy, time: ManualTime()).existingIssuer()
        }
        for failure in [registry, keys] {
            #expect(failure?.status == CommandStatus.notRunning)
            #expect(failure?.description.contains(folder.path) == true)
        }
        let target = #expect(throws: CommandFailure.self) { try ChaosTarget(folder: copy).rows() }
        #expect(target?.status == CommandStatus.notRunning)
        // The original is as before.
        #expect(try ProcessTable.read(folder)?.rows.count == 1)
        #expect(try OperatorClient.read(folder).count == 1)
    }

    @Test("a copy gets one of its own when it is started, and keys and ports of its own")
    func started() async throws {
        _ = try folder.claim(id: "a")
        try await fill(identity: "a")
        try makeCopy()
        let keys = keySet(folder)
        let (identity, original) = try copy.claim(id: "b")
        #expect(identity.id == "b" && original == folder.path)
        for path in [copy.registry, copy.processes] { #expect(!FileManager.default.fileExists(atPath: path)) }
        _ = try await LocalKeys(folder: copy, time: ManualTime()).issuer()
        #expect(keySet(copy) != nil && keySet(copy) != keys)
        let kept = FileManager.default.contents(atPath: "\(copy.keys)-of-a/jwks.json")
        #expect(kept == keys)
        let again = try copy.claim(id: "c")
        #expect(again.identity.id == "b" && again.original == nil)
        #expect(keySet(folder) == keys)
        #expect(try folder.claim(id: "d").identity.id == "a")
    }

    @Test("a folder of an earlier version keeps its keys and ports; a copy of one that runs does not")
    func earlierVersion() async throws {
        try await fill(identity: nil)
        try makeCopy()
        let keys = keySet(folder)
        // This process is recorded in both, and has a file of the original open.
        let lock = try #require(try FolderLock.acquire(folder))
        let (_, original) = try copy.claim(id: "b")
        #expect(original != nil)
        #expect(keySet(copy) == nil)
        let first = try folder.claim(id: "a")
        #expect(first.original == nil)
        #expect(keySet(folder) == keys)
        #expect(try OperatorClient.read(folder).count == 1)
        withExtendedLifetime(lock) {}
    }

    @Test("one that cannot be read is an error that names the file")
    func unreadable() throws {
        for text in ["", "{}", String(repeating: " ", count: 1 << 17)] {
            try text.write(toFile: folder.identity, atomically: true, encoding: .utf8)
            let failure = #expect(throws: CommandFailure.self) { try folder.origin() }
            #expect(failure?.description.hasPrefix("\(folder.identity): ") == true, "\(failure?.description ?? "")")
        }
    }
}

@Suite("Locks of databases")
struct DatabaseLocksTests {
    @Test("are held by processes that have a database open")
    func held() throws {
        let temporary = try TemporaryFolder()
        let folder = DataFolder(temporary.path)
        for name in ["a.sqlite.lock", "b.sqlite.lock", "martlet.lock"] {
            #expect(FileManager.default.createFile(atPath: temporary.file(name), contents: nil))
        }
        #expect(DatabaseLocks.held(in: folder) == [])
        let descriptor = open(temporary.file("b.sqlite.lock"), O_RDWR)
        #expect(flock(descriptor, LOCK_EX | LOCK_NB) == 0)
        #expect(DatabaseLocks.held(in: folder) == ["b.sqlite"])
        close(descriptor)
        #expect(DatabaseLocks.held(in: folder) == [])
    }
}
