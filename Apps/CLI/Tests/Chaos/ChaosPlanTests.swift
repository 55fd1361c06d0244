import Console
import Foundation
import MartletCore
import MartletTesting
import Testing

@testable import CLI

@Suite("Chaos plan")
struct ChaosPlanTests {
    static let daemons = ["a", "b", "c", "d", "e"]

    private func actions(_ count: Int, seed: UInt64) -> [ChaosAction] {
        var plan = ChaosPlan(seed: seed, daemons: Self.daemons)
        return (0..<count).map { _ in plan.next().action }
    }

    @Test("is determined by its seed")
    func seed() {
        #expect(actions(50, seed: 7) == actions(50, seed: 7))
        #expect(actions(50, seed: 7) != actions(50, seed: 8))
    }

    @Test("chooses every daemon once per round")
    func rounds() {
        let names = actions(20, seed: 3).map(\.daemon)
        for round in 0..<4 { #expect(names[round * 5..<round * 5 + 5].sorted() == Self.daemons) }
    }

    @Test("has actions of every kind, with a length for pause and slow")
    func kinds() {
        let actions = actions(200, seed: 1)
        #expect(Set(actions.map(\.kind)) == Set(ChaosAction.Kind.allCases))
        for action in actions {
            let lasts = action.kind == .pause || action.kind == .slow
            #expect(lasts == (action.length > .zero))
            #expect(action.length <= .milliseconds(ChaosPlan.milliseconds.upperBound))
        }
    }
}

@Suite("Chaos target")
struct ChaosTargetTests {
    let temporary: TemporaryFolder
    let folder: DataFolder

    init() throws {
        temporary = try TemporaryFolder()
        folder = DataFolder(temporary.path)
        try folder.make()
    }

    private func row(_ name: String, _ mark: ProcessIdentity?) -> ProcessTable.Row {
        ProcessTable.Row(
            name: name,
            services: [String(name.dropLast())],
            state: .ready,
            mark: mark,
            restarts: 0,
            http: 1,
            grpc: 0,
            operate: 0,
            health: nil,
            log: ""
        )
    }

    private func write(supervisor: ProcessIdentity?, _ rows: [ProcessTable.Row]) throws {
        try ProcessTable(folder: nil, supervisor: supervisor, url: "", singleProcess: false, rows: rows).write(
            to: folder
        )
    }

    @Test("does not exist without a running supervisor")
    func nothing() throws {
        let target = ChaosTarget(folder: folder)
        let absent = try #require(throws: CommandFailure.self) { try target.rows() }
        #expect(absent.status == CommandStatus.notRunning)

        try write(supervisor: nil, [row("grindd", ProcessIdentity(pid: getpid()))])
        let orphaned = try #require(throws: CommandFailure.self) { try target.process("grindd") }
        #expect(orphaned.status == CommandStatus.notRunning)
    }

    @Test("is a daemon of the supervisor, by its program or its service")
    func named() throws {
        let own = ProcessIdentity(pid: getpid())
        try write(supervisor: own, [row("grindd", own), row("weighd", nil)])
        let target = ChaosTarget(folder: folder)
        #expect(try target.process("grindd") == own)
        #expect(try target.process("grind") == own)
        #expect(throws: CommandFailure.self) { try target.process("weighd") }
        let unknown = try #require(throws: CommandFailure.self) { try target.process("sshd") }
        #expect(unknown.status == CommandStatus.usage)
    }

    @Test("is never a process with a reused PID")
    func reusedNumber() throws {
        let own = try #require(ProcessIdentity(pid: getpid()))
        let text = String(decoding: try JSONEncoder().encode(own), as: UTF8.self)
        let older = text.replacingOccurrences(of: "\"startTicks\":\(own.startTicks)", with: "\"startTicks\":1")
        let mark = try JSONDecoder().decode(ProcessIdentity.self, from: Data(older.utf8))
        try write(supervisor: own, [row("grindd", mark)])
        #expect(throws: CommandFailure.self) { try ChaosTarget(folder: folder).process("grindd") }
    }
}

@Suite("Process sockets")
struct ProcessSocketsTests {
    @Test("only established connections are selected")
    func established() {
        let table = """
              sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
               0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 11 1 0 100 0
               1: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 12 1 0 20 4
               2: 0100007F:1F90 0100007F:C351 06 00000000:00000000 00:00000000 00000000     0        0 13 1 0 20 4
               3: 0100007F:1F90 0100007F:C352 01 00000000:00000000 00:00000000 00000000     0        0 14 1 0 20 4
            """
        #expect(ProcessSockets.established(in: table) == [12, 14])
        #expect(ProcessSockets.established(in: "") == [])
    }
}
