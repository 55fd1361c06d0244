import MartletContract
import MartletCore
import MartletEventLog
import MartletEventLogClient
import MartletMessaging
import MartletRPC
import MartletSQLite
import MartletTesting
import Testing

/// Services with tokens of their own, as the server knows them by their headers.
@Suite("Callers of an event log over TCP", .timeLimit(.minutes(HangLimit.testMinutes)))
struct EventLogCallersSocketTests {
    private static let services = ["writers", "readers", "others"]
    private static let topics = [
        BusPolicy.Topic("books", publisher: "writers"), BusPolicy.Topic("notes", publisher: "readers"),
        BusPolicy.Topic("signs", publisher: "others"),
    ]
    private static let policy = BusPolicy(topics: topics, edges: [("readers", "writers")])

    /// The time of the calls' deadlines, which never pass: a slow machine must not end a call.
    private let time = ManualTime()

    private func makeServer(_ log: EventLog) -> RPCServer {
        // The token of these tests is the service's name.
        EventLogOverTCP.server(.eventLogOfServices(log), time: time) { headers, _ in
            .known(Principal(service: ExactText(headers.bearerToken ?? ""), for: .itself))
        }
    }

    /// Runs `body` with the log as each service sees it, by its own token and connection.
    private func withServices(
        _ body: @escaping @Sendable (EventLog, @Sendable (String) -> RPCConnection) async throws -> Void
    ) async throws {
        let log = try await EventLog.open(
            try SQLiteDatabase.inMemory(time: time),
            runtime: Runtime(time: time, seed: 1),
            policy: Self.policy
        )
        for topic in Self.topics {
            try await log.bus(of: topic.publisher).declare(BusDeclaration(topics: [TopicPlan(topic.name)]))
        }
        let server = makeServer(log)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await server.run() }
            let port = try await server.boundPort()
            let time = time
            try await body(log) { service in
                EventLogOverTCP.connection(to: port, time: time) { "Bearer \(service)" }
            }
            tasks.cancelAll()
            // The server throws CancellationError.
            while await tasks.nextResult() != nil {}
        }
    }

    private static func event(on topic: String, from source: String) -> Envelope {
        Envelope(
            id: "k/1",
            source: source,
            epoch: 1,
            topic: topic,
            key: "k",
            sequence: 1,
            time: Timestamp(seconds: 1),
            traceparent: nil,
            body: [1]
        )
    }

    @Test("a forged event by any other service's token is refused: all pairs of services and topics")
    func forged() async throws {
        let time = time
        try await withServices { log, connect in
            for service in Self.services {
                let connection = connect(service)
                // The client believes that it is the owner: only the token decides.
                for topic in Self.topics {
                    let remote = RemoteEventLog(over: connection, service: topic.publisher, time: time)
                    let outcomes = try await remote.publish([Self.event(on: topic.name, from: topic.publisher)])
                    let isOwner = ExactText(topic.publisher) == ExactText(service)
                    let expected: Reason? = isOwner ? nil : "bus.not_owner"
                    #expect(outcomes.map { $0.refusal?.reason } == [expected])
                    let message = outcomes.first?.refusal?.message ?? "\(service) \(topic.name)"
                    #expect(message.contains(service) && message.contains(topic.name))
                }
                await connection.close()
            }
            #expect(try await log.status().map(\.published) == [1, 1, 1])
        }
    }

    @Test("a foreign group, and a topic without an edge, are refused")
    func foreign() async throws {
        let time = time
        try await withServices { log, connect in
            let group = GroupPlan(topic: "books", group: "readers")
            try await log.bus(of: "readers").declare(BusDeclaration(topics: [TopicPlan("books")], groups: [group]))
            var reasons: [Reason?] = []
            for (service, name) in [("writers", "readers"), ("others", "readers"), ("others", "others")] {
                let connection = connect(service)
                let remote = RemoteEventLog(over: connection, service: service, time: time)
                do {
                    _ = try await remote.join(topic: "books", group: name, start: .earliest)
                    reasons.append(nil)
                } catch {
                    reasons.append(Fault(describing: error).reason)
                }
                await connection.close()
            }
            #expect(reasons == ["bus.foreign_group", "bus.no_edge", "bus.no_edge"])
        }
    }

    @Test("a member's id works only with the token of the service that joined")
    func member() async throws {
        try await withServices { log, connect in
            let group = GroupPlan(topic: "books", group: "readers")
            try await log.bus(of: "readers").declare(BusDeclaration(topics: [TopicPlan("books")], groups: [group]))
            try await log.bus(of: "writers").publish([Self.event(on: "books", from: "writers")])
            let (own, foreign) = (connect("readers"), connect("others"))
            let context = CallContext(principal: Principal(service: "readers", for: .itself))
            var join = JoinRequest()
            (join.topic, join.group, join.start, join.window) = ("books", "readers", .earliest, 10)
            let stream = try await EventLogClient(over: own).join(join, context: context)
            var request = AcknowledgeRequest()
            request.member = try #require(try await stream.pull()).member
            request.positions = try #require(try await stream.pull()).deliveries.map(\.position)
            let acknowledge = request
            let fault = await #expect(throws: Fault.self) {
                _ = try await EventLogClient(over: foreign).acknowledge(acknowledge, context: context)
            }
            #expect(fault?.reason == "bus.foreign_member")
            #expect(try await lag(of: log) == 1)
            _ = try await EventLogClient(over: own).acknowledge(acknowledge, context: context)
            #expect(try await lag(of: log) == 0)
            await own.close()
            await foreign.close()
        }
    }

    private func lag(of log: EventLog) async throws -> Int64? {
        try await log.status().first { ExactText($0.topic) == "books" }?.groups.first?.lag
    }
}
