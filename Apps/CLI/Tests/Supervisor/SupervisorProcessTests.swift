import Console
import Foundation
import MartletCore
import MartletTesting
import Synchronization
import Testing

@testable import CLI

/// The system's clocks, on which limits pass only when a test advances them.
private struct SteppedTime: TimeSource {
    /// Shorter sleeps are delays and polls, which pass by themselves.
    static let shortestLimit = Duration.seconds(100)

    /// The time of sleeps of ``shortestLimit`` or longer.
    let limits = ManualTime()

    var now: Moment { SystemTime().now }
    var date: Timestamp { SystemTime().date }

    func sleep(until moment: Moment) async throws {
        let remaining = moment - now
        guard remaining >= Self.shortestLimit else { return try await SystemTime().sleep(until: moment) }
        try await limits.sleep(for: remaining)
    }
}

/// Daemons that are small shell scripts: each reports readiness by a file, and records its exit in another.
private struct FakeSystem {
    let temporary: TemporaryFolder
    let folder: DataFolder
    let time = SteppedTime()
    /// `name ready`, or a note of the supervisor.
    let messages: AsyncStream<String>
    private let inbox: AsyncStream<String>.Continuation
    private let stops = AsyncStream.makeStream(of: Int32.self)

    init() throws {
        temporary = try TemporaryFolder()
        folder = DataFolder(temporary.path)
        try folder.make()
        (messages, inbox) = AsyncStream.makeStream(of: String.self)
    }

    var ends: [String] {
        let text = String(
            decoding: FileManager.default.contents(atPath: temporary.file("ends")) ?? Data(),
            as: UTF8.self
        )
        return text.split(separator: "\n").map(String.init)
    }

    func stop() { stops.continuation.yield(SIGTERM) }

    func supervisor(
        _ scripts: [(name: String, script: String)],
        limits: SupervisorLimits,
        shell: String = "/bin/sh"
    ) throws -> Supervisor {
        let daemons = try scripts.enumerated().map { port, daemon in
            let path = temporary.file(daemon.name)
            try "\(daemon.script)\n".write(toFile: path, atomically: true, encoding: .utf8)
            let log = folder.log(of: daemon.name)
            return Supervisor.Daemon(
                row: ProcessTable.Row(
                    name: daemon.name,
                    services: [daemon.name],
                    state: .starting,
                    mark: nil,
                    restarts: 0,
                    http: 0,
                    grpc: 0,
                    operate: 0,
                    // Where readiness is probed.
                    health: port,
                    log: log
                ),
                // Not the script itself: while another child of this process starts, it may have the script open for
                // writing, and the system refuses to run it ("Text file busy").
                program: ChildProcess.Program(
                    path: shell,
                    arguments: [path, temporary.path, daemon.name],
                    environment: ["PATH": "/usr/bin:/bin"],
                    log: log
                ),
                firstEnvironment: ["FIRST": "yes"]
            )
        }
        let names = scripts.map(\.name)
        return Supervisor(
            folder: folder,
            system: "this-system",
            url: "http://127.0.0.1:1",
            singleProcess: false,
            daemons: daemons,
            limits: limits,
            time: time,
            isReady: { [temporary, inbox] port in
                let marker = temporary.file("\(names[port]).ready")
                guard FileManager.default.fileExists(atPath: marker) else { return false }
                unlink(marker)
                inbox.yield("\(names[port]) ready")
                return true
            },
            note: { [inbox] in inbox.yield($0) }
        )
    }

    /// Nothing is waited for after its end.
    func run(_ supervisor: Supervisor) async throws -> SupervisorStateMachine.Outcome {
        defer { inbox.finish() }
        return try await supervisor.run(stops: stops.stream) { _ in inbox.yield("announced") }
    }

    /// Waits for all of `wanted`, in any order; the end of the run, or the test's time limit, ends the wait.
    func wait(for wanted: String...) async {
        var missing = Set(wanted)
        var seen: [String] = []
        for await text in messages {
            seen.append(text)
            missing.remove(text)
            if missing.isEmpty { return }
        }
        Issue.record(
            "still waiting for: \(missing.sorted().joined(separator: ", ")); seen: \(seen.joined(separator: "; "))"
        )
    }

    /// Limits that pass only by ``time``, the drain of one daemon before the start of all.
    static var limits: SupervisorLimits {
        var limits = SupervisorLimits()
        limits.restartDelayMin = .milliseconds(1)
        limits.drainLimit = HangLimit.wait
        limits.readyLimit = HangLimit.wait * 3
        return limits
    }

    /// Exits on SIGTERM.
    static let graceful = """
        trap 'echo "$2" >> "$1/ends"; exit 0' TERM
        echo "started $FIRST"
        touch "$1/$2.ready"
        while :; do sleep 0.01; done
        """
    static let ignoringTerm = """
        trap '' TERM
        touch "$1/$2.ready"
        while :; do sleep 0.01; done
        """
}

@Suite("Supervisor", .timeLimit(.minutes(HangLimit.testMinutes)))
struct SupervisorProcessTests {
    @Test("restarts a killed daemon, then drains all in order")
    func restartAndDrain() async throws {
        let system = try FakeSystem()
        let scripts = ["c", "b", "a"].map { (name: $0, script: FakeSystem.graceful) }
        let supervisor = try system.supervisor(scripts, limits: FakeSystem.limits)
        async let outcome = system.run(supervisor)
        await system.wait(for: "announced")

        let before = try #require(try ProcessTable.read(system.folder)?.rows.first { $0.name == "b" })
        before.mark?.send(SIGKILL)
        await system.wait(for: "b was killed by signal 9", "b ready")
        system.stop()

        #expect(try await outcome == .stopped)
        #expect(system.ends == ["c", "b", "a"])
        let after = try #require(try ProcessTable.read(system.folder)?.rows.first { $0.name == "b" })
        #expect(after.restarts == 1)
        #expect(after.state == .stopped && after.mark == nil)
        #expect(before.mark?.isAlive == false)
        // The crash point is armed for the first start only.
        #expect(ChildLog(path: system.folder.log(of: "b")).tail(9) == ["started yes", "started "])
    }

    @Test("continues while it cannot record its processes, and records them as soon as it can")
    func unrecorded() async throws {
        let system = try FakeSystem()
        var limits = FakeSystem.limits
        limits.recordRetry = .milliseconds(1)
        let supervisor = try system.supervisor([(name: "b", script: FakeSystem.graceful)], limits: limits)
        async let outcome = system.run(supervisor)
        await system.wait(for: "announced")
        let before = try #require(try ProcessTable.read(system.folder)?.rows.first)
        // A folder in the place of the file: nothing can be written, as on a full disk.
        try FileManager.default.removeItem(atPath: system.folder.processes)
        try FileManager.default.createDirectory(atPath: system.folder.processes, withIntermediateDirectories: false)
        before.mark?.send(SIGKILL)
        await system.wait(for: "b ready")
        #expect(throws: CommandFailure.self) { try ProcessTable.read(system.folder) }
        try FileManager.default.removeItem(atPath: system.folder.processes)
        await system.wait(for: "\(system.folder.processes): is written again")
        let after = try #require(try ProcessTable.read(system.folder)?.rows.first)
        #expect(after.restarts == 1)
        #expect(after.mark?.isAlive == true && after.mark != before.mark)
        system.stop()
        #expect(try await outcome == .stopped)
    }

    @Test("kills a daemon that does not exit in time")
    func drainLimit() async throws {
        let system = try FakeSystem()
        let limits = FakeSystem.limits
        let supervisor = try system.supervisor(
            [(name: "b", script: FakeSystem.ignoringTerm), (name: "a", script: FakeSystem.graceful)],
            limits: limits
        )
        async let outcome = system.run(supervisor)
        await system.wait(for: "announced")
        system.stop()
        // The limit of the start, and that of the first daemon's drain.
        await system.time.limits.waitForSleepers(2)
        system.time.limits.advance(by: limits.drainLimit)
        #expect(try await outcome == .stopped)
        #expect(system.ends == ["a"])
    }

    @Test("stops all daemons when one cannot become ready")
    func neverReady() async throws {
        let system = try FakeSystem()
        let supervisor = try system.supervisor(
            [(name: "b", script: "echo no port; exit 78"), (name: "a", script: FakeSystem.graceful)],
            limits: FakeSystem.limits
        )
        let outcome = try await system.run(supervisor)
        #expect(outcome == .failed(reason: "b exited with status 78", daemons: ["b"]))
        #expect(ChildLog(path: system.folder.log(of: "b")).tail(1) == ["no port"])
    }

    @Test("reports a missing program")
    func missing() async throws {
        let system = try FakeSystem()
        let missing = system.temporary.file("missing")
        let supervisor = try system.supervisor([(name: "a", script: "")], limits: FakeSystem.limits, shell: missing)
        let outcome = try await system.run(supervisor)
        guard case .failed(let reason, _) = outcome else {
            Issue.record("it started")
            return
        }
        #expect(reason.contains("No such file"))
    }
}

@Suite("Orphaned daemons of a crashed supervisor", .timeLimit(.minutes(HangLimit.testMinutes)))
struct OrphanProcessTests {
    private func child(
        _ temporary: TemporaryFolder,
        _ script: String
    ) async throws -> (ChildProcess, AsyncStream<ProcessEnd>) {
        let (ends, inbox) = AsyncStream.makeStream(of: ProcessEnd.self)
        let program = ChildProcess.Program(
            path: "/bin/sh",
            arguments: ["-c", script],
            environment: ["PATH": "/usr/bin:/bin"],
            log: temporary.file("log")
        )
        return (try await ChildProcess.start(program) { inbox.yield($0) }, ends)
    }

    private func table(_ mark: ProcessIdentity) -> ProcessTable {
        ProcessTable(
            folder: nil,
            supervisor: nil,
            url: "",
            singleProcess: false,
            rows: [
                ProcessTable.Row(
                    name: "a",
                    services: ["a"],
                    state: .ready,
                    mark: mark,
                    restarts: 0,
                    http: 0,
                    grpc: 0,
                    operate: 0,
                    health: nil,
                    log: ""
                )
            ]
        )
    }

    @Test("are terminated by the next supervisor")
    func ended() async throws {
        let temporary = try TemporaryFolder()
        let (child, ends) = try await child(temporary, "exec sleep 1000")
        let orphans = OrphanProcesses(of: table(child.identity), in: DataFolder(temporary.path))
        #expect(orphans.processes == [child.identity])
        try await orphans.end(time: SystemTime())
        let end = await ends.first { _ in true }
        #expect(end == .signalled(SIGTERM))
    }

    @Test("are not those of the folder of which this one is a copy")
    func copied() async throws {
        let temporary = try TemporaryFolder()
        let (child, ends) = try await child(temporary, "exec sleep 1000")
        let copies = try TemporaryFolder()
        let copy = copies.file("copy")
        try FileManager.default.copyItem(atPath: temporary.path, toPath: copy)
        let orphans = OrphanProcesses(of: table(child.identity), in: DataFolder(copy))
        #expect(orphans.processes == [])
        try await orphans.end(time: SystemTime())
        #expect(child.identity.isAlive)
        try await OrphanProcesses(of: table(child.identity), in: DataFolder(temporary.path)).end(time: SystemTime())
        _ = await ends.first { _ in true }
        #expect(!child.identity.isAlive)
    }

    @Test("do not include a later process with the same PID")
    func reused() async throws {
        let own = try #require(ProcessIdentity(pid: getpid()))
        let text = String(decoding: try JSONEncoder().encode(own), as: UTF8.self)
        let later = text.replacing("\(own.startTicks)", with: "\(own.startTicks + 1)")
        let successor = try JSONDecoder().decode(ProcessIdentity.self, from: Data(later.utf8))
        #expect(own.isAlive)
        #expect(!successor.isAlive)
        let temporary = try TemporaryFolder()
        #expect(OrphanProcesses(of: table(successor), in: DataFolder(temporary.path)).processes == [])
    }
}
