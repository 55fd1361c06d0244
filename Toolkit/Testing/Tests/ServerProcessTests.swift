import Foundation
import MartletCore
import MartletTesting
import Testing

@Suite("A server of a test", .timeLimit(.minutes(HangLimit.testMinutes)))
struct ServerProcessTests {
    let time = SystemTime()
    let folder: ServerFolder

    init() throws { folder = try ServerFolder() }

    /// Appends a line to a file, reports it, and runs until it is ended.
    private func counter(_ command: String = "echo started >> count; echo ready; exec sleep 1000") -> ServerProcess {
        ServerProcess("/bin/sh", ["-c", command], in: folder)
    }

    private var starts: Int { lines(of: "count").count }

    private func lines(of name: String) -> [Substring] {
        String(decoding: FileManager.default.contents(atPath: folder.file(name)) ?? Data(), as: UTF8.self)
            .split(separator: "\n")
    }

    @Test("starts when it is ready, ends when it is killed, and starts again")
    func life() async throws {
        let server = counter()
        for start in 1...2 {
            try await server.start(until: { starts == start }, time)
            let pid = try #require(server.pid)
            #expect(kill(pid, 0) == 0)
            try await server.kill(time)
            #expect(server.pid == nil)
        }
        #expect(lines(of: "server.log") == ["ready", "ready"])
    }

    @Test("a start fails with its output when it ends instead of becoming ready")
    func ends() async throws {
        let server = counter("echo no such setting; exit 3")
        let failure = await #expect(throws: ServerFailure.self) { try await server.start(until: { false }, time) }
        #expect(failure?.description.contains("no such setting") == true)
    }

    @Test("is asked to end, and killed when it does not", arguments: [true, false])
    func stop(_ obeys: Bool) async throws {
        let server = counter("trap '\(obeys ? "exit 7" : "")' TERM; echo x > count; while :; do sleep 0.01; done")
        try await server.start(until: { FileManager.default.fileExists(atPath: folder.file("count")) }, time)
        try await server.stop(within: obeys ? HangLimit.wait : .zero, time)
        #expect(try await server.waitUntilEnded(time) == (obeys ? 7 : SIGKILL))
    }

    @Test("a paused one does nothing until it is resumed")
    func pause() async throws {
        let server = counter("while :; do echo x >> count; sleep 0.001; done")
        try await server.start(until: { starts > 0 }, time)
        let pid = try #require(server.pid)
        server.pause()
        while state(of: pid) != "T" { try await time.sleep(for: .milliseconds(1)) }
        let before = FileManager.default.contents(atPath: folder.file("count"))
        try await time.sleep(for: .milliseconds(50))
        #expect(FileManager.default.contents(atPath: folder.file("count")) == before)
        server.resume()
        while FileManager.default.contents(atPath: folder.file("count")) == before {
            try await time.sleep(for: .milliseconds(1))
        }
        try await server.stop(time)
    }

    @Test("a tool runs to its end, and fails with its output")
    func run() async throws {
        try await ServerProcess("/bin/sh", ["-c", "echo $WORD > word"], in: folder, environment: ["WORD": "one"]).run(
            time
        )
        #expect(lines(of: "word") == ["one"])
        let failure = await #expect(throws: ServerFailure.self) {
            try await ServerProcess("/bin/sh", ["-c", "echo broken; exit 1"], in: folder, name: "tool").run(time)
        }
        #expect(failure?.description.contains("broken") == true)
    }

    /// The letter of a process's state, as the kernel shows it.
    private func state(of pid: Int32) -> String? {
        let stat = String(decoding: FileManager.default.contents(atPath: "/proc/\(pid)/stat") ?? Data(), as: UTF8.self)
        return stat.split(separator: " ").dropFirst(2).first.map(String.init)
    }
}
