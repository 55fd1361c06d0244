import Foundation
import MartletCore
import MartletTesting
import Testing

@testable import CLI

@Suite("A plan of chaos")
struct ChaosPlanTests {
    static let daemons = ["a", "b", "c", "d", "e"]

    private func acts(_ count: Int, seed: UInt64) -> [ChaosAct] {
        var plan = ChaosPlan(seed: seed, daemons: Self.daemons)
        return (0..<count).map { _ in plan.next().act }
    }

    @Test("follows from its seed alone")
    func seed() {
        #expect(acts(50, seed: 7) == acts(50, seed: 7))
        #expect(acts(50, seed: 7) != acts(50, seed: 8))
    }

    @Test("gives everybody a turn before anybody has a second")
    func turns() {
        let names = acts(20, seed: 3).map(\.daemon)
        for round in 0..<4 { #expect(names[round * 5..<round * 5 + 5].sorted() == Self.daemons) }
    }

    @Test("has acts of every kind, and lengths for those that last")
    func kinds() {
        let acts = acts(200, seed: 1)
        #expect(Set(acts.map(\.kind)) == Set(ChaosAct.Kind.allCases))
        for act in acts {
            let lasts = act.kind == .pause || act.kind == .slow
            #expect(lasts == (act.length > .zero))
            #expect(act.length <= .milliseconds(ChaosPlan.milliseconds.upperBound))
        }
    }
}

@Suite("A target of chaos")
struct ChaosTargetTests {
    let temporary: TemporaryFolder
    let folder: DataFolder

    init() throws {
        temporary = try TemporaryFolder()
        folder = DataFolder(temporary.path)
        try folder.make()
    }

    private func row(_ name: String, _ mark: ProcessMark?) -> ProcessTable.Row {
        ProcessTable.Row(
            name: name,
            services: [String(name.dropLast())],
            state: .ready,
            mark: mark,
            restarts: 0,
            http: 1,
            grpc: 0,
            operate: 0,
            log: ""
        )
    }

    private func write(supervisor: ProcessMark?, _ rows: [ProcessTable.Row]) throws {
        try ProcessTable(supervisor: supervisor, url: "", singleProcess: false, rows: rows).write(to: folder)
    }

    @Test("is nothing where nothing runs, or where the supervisor has died")
    func nothing() throws {
        let target = ChaosTarget(folder: folder)
        let absent = try #require(throws: CommandFailure.self) { try target.rows() }
        #expect(absent.status == ExitStatus.notRunning)

        try write(supervisor: nil, [row("ordersd", ProcessMark(pid: getpid()))])
        let orphaned = try #require(throws: CommandFailure.self) { try target.process("ordersd") }
        #expect(orphaned.status == ExitStatus.notRunning)
    }

    @Test("is a daemon of the supervisor by its program or its service, and nothing else")
    func named() throws {
        let own = ProcessMark(pid: getpid())
        try write(supervisor: own, [row("ordersd", own), row("cartsd", nil)])
        let target = ChaosTarget(folder: folder)
        #expect(try target.process("ordersd") == own)
        #expect(try target.process("orders") == own)
        #expect(throws: CommandFailure.self) { try target.process("cartsd") }
        let stranger = try #require(throws: CommandFailure.self) { try target.process("sshd") }
        #expect(stranger.status == ExitStatus.usage)
    }

    @Test("is never a process that got the number of one that ended")
    func reusedNumber() throws {
        let own = try #require(ProcessMark(pid: getpid()))
        let text = String(decoding: try JSONEncoder().encode(own), as: UTF8.self)
        let older = text.replacingOccurrences(of: "\"startTicks\":\(own.startTicks)", with: "\"startTicks\":1")
        let mark = try JSONDecoder().decode(ProcessMark.self, from: Data(older.utf8))
        try write(supervisor: own, [row("ordersd", mark)])
        #expect(throws: CommandFailure.self) { try ChaosTarget(folder: folder).process("ordersd") }
    }
}

@Suite("The sockets of a process")
struct ProcessSocketsTests {
    @Test("that are established are told from those that listen or close")
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
