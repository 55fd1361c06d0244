import MartletContract
import MartletCore
import MartletMessaging
import MartletSQL
import MartletSQLite
import MartletTesting
import SwiftProtobuf
import Testing

@testable import MartletEventLog

@Suite("Services of an event log")
struct EventLogPolicyTests {
    private static let policy = BusPolicy(
        topics: [
            BusPolicy.Topic("books", publisher: "writers", partitions: 3),
            BusPolicy.Topic("notes", publisher: "readers"),
        ],
        edges: [("readers", "writers"), ("critics", "writers")]
    )

    let time = ManualTime()
    let database: SQLiteDatabase

    init() throws { database = try SQLiteDatabase.inMemory(time: time) }

    private func open() async throws -> EventLog {
        try await EventLog.open(database, runtime: Runtime(time: time, seed: 1), policy: Self.policy)
    }

    /// A log with the topic `books`, and the group of `readers`.
    private func prepared() async throws -> EventLog {
        let log = try await open()
        try await log.bus(of: "writers").declare(BusDeclaration(topics: [TopicPlan("books")]))
        try await log.bus(of: "readers").declare(Self.consumer("readers"))
        return log
    }

    /// What a consumer of `books` declares.
    private static func consumer(_ group: String) -> BusDeclaration {
        BusDeclaration(
            topics: [TopicPlan("books", partitions: 7)],
            groups: [GroupPlan(topic: "books", group: group)]
        )
    }

    private func event(_ sequence: Int64, from source: String = "writers") -> Envelope {
        Envelope(
            id: "k/\(sequence)",
            source: source,
            epoch: 1,
            topic: "books",
            key: "k",
            sequence: sequence,
            time: time.date,
            traceparent: nil,
            body: [1]
        )
    }

    /// The reason of the fault that `body` throws; `nil` when it throws none.
    private func reason(_ body: () async throws -> Void) async throws -> Reason? {
        do { try await body() } catch let fault as Fault { return fault.reason }
        return nil
    }

    @Test("only the owner of a topic publishes on it, and only its own events", arguments: ["readers", "critics", "x"])
    func forged(service: String) async throws {
        let log = try await prepared()
        for source in ["writers", service] {
            let outcomes = try await log.bus(of: service).publish([event(1, from: source)])
            #expect(outcomes.map { $0.refusal?.reason } == ["bus.not_owner"])
        }
        let own = try await log.bus(of: "writers").publish([event(1, from: service)])
        #expect(own.map { $0.refusal?.reason } == ["bus.foreign_source"])
        await #expect(throws: Fault.self) { try await log.publishAll([event(1)], by: ExactText(service)) }
        #expect(try await log.status().first?.published == 0)
        #expect(try await log.bus(of: "writers").publish([event(1)]) == [.accepted])
    }

    @Test("only the owner of a topic declares it; what its consumer names is made as the policy plans it")
    func declared() async throws {
        let log = try await open()
        let plan = BusDeclaration(topics: [TopicPlan("books", partitions: 7)])
        #expect(try await reason { try await log.bus(of: "readers").declare(plan) } == "bus.not_owner")
        #expect(try await log.status().isEmpty)
        try await log.bus(of: "readers").declare(Self.consumer("readers"))
        #expect(try await log.status().map(\.partitions) == [3])
    }

    @Test("a service reads only topics of services that it speaks to")
    func edges() async throws {
        let log = try await prepared()
        let bus = log.bus(of: "x")
        let refused = try await reason { _ = try await bus.join(topic: "books", group: "x", start: .earliest) }
        #expect(refused == "bus.no_edge")
        #expect(try await reason { try await bus.declare(Self.consumer("x")) } == "bus.no_edge")
        // An edge goes in one direction.
        let other = log.bus(of: "writers")
        #expect(
            try await reason { _ = try await other.join(topic: "notes", group: "writers", start: .earliest) }
                == "bus.no_edge"
        )
    }

    @Test("a group belongs to the service that declared it, also after a restart")
    func groups() async throws {
        let first = try await prepared()
        try await first.bus(of: "readers").declare(Self.consumer("counts"))
        for log in [first, try await open()] {
            let bus = log.bus(of: "critics")
            for group in ["readers", "counts"] {
                let joined = try await reason { _ = try await bus.join(topic: "books", group: group, start: .earliest) }
                #expect(joined == "bus.foreign_group")
                #expect(try await reason { try await bus.declare(Self.consumer(group)) } == "bus.foreign_group")
            }
            let own = try await log.bus(of: "readers").join(topic: "books", group: "counts", start: .earliest)
            await own.leave()
        }
    }

    @Test("a group of before belongs to the service of its name, otherwise to the first one that joins")
    func groupsOfBefore() async throws {
        let older = try await prepared()
        try await older.bus(of: "readers").declare(Self.consumer("counts"))
        try await database.transaction { tx in try tx.run("UPDATE log_groups SET service = NULL") }
        let log = try await open()
        let critics = log.bus(of: "critics")
        #expect(
            try await reason { _ = try await critics.join(topic: "books", group: "readers", start: .earliest) }
                == "bus.foreign_group"
        )
        await (try await critics.join(topic: "books", group: "counts", start: .earliest)).leave()
        await (try await log.bus(of: "readers").join(topic: "books", group: "readers", start: .earliest)).leave()
        let owners = try await database.read { tx in
            try tx.run("SELECT service FROM log_groups ORDER BY group_name").map { try $0.textIfPresent(0) }
        }
        #expect(owners == ["critics", "readers"])
        for restarted in [log, try await open()] {
            let readers = restarted.bus(of: "readers")
            #expect(
                try await reason { _ = try await readers.join(topic: "books", group: "counts", start: .earliest) }
                    == "bus.foreign_group"
            )
        }
    }

    @Test("a schema of before gets the owners of groups, and keeps its groups")
    func migration() async throws {
        try await database.migrate(EventLogTables.migrations.filter { $0.module != "eventlog.owners" })
        try await database.transaction { tx in
            try tx.run("INSERT INTO log_topics (id, name) VALUES (1, 'books')")
            try tx.run("INSERT INTO log_partitions (topic_id, partition, head) VALUES (1, 0, 0)")
            try tx.run(
                """
                INSERT INTO log_groups (topic_id, group_name, declared_at, last_seen_at) VALUES (1, 'readers', 1, 1)
                """
            )
            try tx.run(
                "INSERT INTO log_positions (topic_id, group_name, partition, floor) VALUES (1, 'readers', 0, 0)"
            )
        }
        let log = try await open()
        let member = try await log.bus(of: "readers").join(topic: "books", group: "readers", start: .earliest)
        try await log.bus(of: "writers").publish([event(1)])
        #expect(try await member.receive(limit: 1).map(\.event) == [event(1)])
    }

    @Test("a removed group belongs to no service")
    func removed() async throws {
        let log = try await prepared()
        try await log.bus(of: "readers").declare(Self.consumer("counts"))
        let act = EventLogAudit.Action(who: "olga", name: "group.remove", target: "counts", why: "renamed")
        _ = try await log.removeGroup("counts", of: "books", by: act)
        try await log.bus(of: "critics").declare(Self.consumer("counts"))
        let member = try await log.bus(of: "critics").join(topic: "books", group: "counts", start: .earliest)
        await member.leave()
    }

    // MARK: Calls

    /// A client of the log as one service.
    private func call(_ service: String) -> CallContext {
        CallContext(principal: Principal(service: ExactText(service), for: .itself))
    }

    @Test("a member works only for the service that joined")
    func members() async throws {
        let log = try await prepared()
        try await log.bus(of: "writers").publish([event(1)])
        let client = EventLogClient(over: InProcessChannel(.eventLog(log)))
        let join = JoinRequest.with {
            $0.topic = "books"
            $0.group = "readers"
            $0.start = .earliest
            $0.window = 10
        }
        let stream = try await client.join(join, context: call("readers"))
        let member = try #require(try await stream.pull()).member
        let position = try #require(try await stream.pull()?.deliveries.first).position
        let acknowledge = AcknowledgeRequest.with {
            $0.member = member
            $0.positions = [position]
        }
        let giveBack = GiveBackRequest.with {
            $0.member = member
            $0.positions = [position]
        }
        let leave = LeaveRequest.with { $0.member = member }
        for service in ["critics", "writers"] {
            let context = call(service)
            let acts: [() async throws -> Void] = [
                { _ = try await client.acknowledge(acknowledge, context: context) },
                { _ = try await client.giveBack(giveBack, context: context) },
                { _ = try await client.leave(leave, context: context) },
            ]
            for act in acts { #expect(try await reason(act) == "bus.foreign_member") }
        }
        #expect(try await log.status().first?.groups.map(\.lag) == [1])
        _ = try await client.acknowledge(acknowledge, context: call("readers"))
        #expect(try await log.status().first?.groups.map(\.lag) == [0])
        _ = try await client.leave(leave, context: call("readers"))
        #expect(try await log.status().first?.groups.map(\.members) == [0])
    }

    @Test("only services are served")
    func users() async throws {
        let log = try await prepared()
        let client = EventLogClient(over: InProcessChannel(.eventLog(log)))
        let request = PublishRequest.with { $0.events = [EventRecord(event(1))] }
        for principal in [Principal.anonymous, Principal(user: "writers", scopes: ["operate"])] {
            let context = CallContext(principal: principal)
            let fault = await #expect(throws: Fault.self) { _ = try await client.publish(request, context: context) }
            #expect(fault?.code == .permissionDenied)
        }
    }
}
