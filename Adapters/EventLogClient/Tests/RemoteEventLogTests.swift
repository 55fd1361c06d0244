import MartletContract
import MartletCore
import MartletEventLog
import MartletEventLogClient
import MartletMessaging
import MartletSQLite
import MartletTesting
import Testing

@Suite("Remote event log")
struct RemoteEventLogTests {
    private static let context = CallContext(principal: Principal(service: "test", for: .itself))

    let time = ManualTime()

    private static func open(_ time: ManualTime) async throws -> (log: EventLog, remote: RemoteEventLog) {
        var limits = EventLogLimits()
        limits.acceptsUndeclared = true
        let log = try await EventLog.open(
            try SQLiteDatabase.inMemory(time: time),
            runtime: Runtime(time: time, seed: 1),
            policy: .sole("test"),
            limits: limits
        )
        let channel = InProcessChannel(.eventLog(log))
        return (log, RemoteEventLog(over: channel, service: "test", time: time))
    }

    private func event(_ sequence: Int64) -> Envelope {
        Envelope(
            id: "k/\(sequence)",
            source: "test",
            epoch: 1,
            topic: "things",
            key: "k",
            sequence: sequence,
            time: time.date,
            traceparent: nil,
            body: [1]
        )
    }

    @Test("conforms", arguments: MessageBusConformance.checks)
    func conforms(to check: MessageBusConformance.Check) async throws {
        try await check.run { time in try await Self.open(time).remote }
    }

    @Test("the guide states what it can do")
    func row() throws {
        try MessageBusConformance.requireRow(of: "event log", Set(MessageBusConformance.Capability.allCases))
    }

    @Test("the membership ends with its stream")
    func brokenStream() async throws {
        let (log, remote) = try await Self.open(time)
        try await remote.publish([event(1)])
        do {
            let member = try await remote.join(topic: "things", group: "g", start: .earliest)
            _ = try await member.receive(limit: 1)
        }
        // The stream was released with its member: its deliveries are redelivered to others.
        let other = try await log.bus(of: "test").join(topic: "things", group: "g", start: .earliest)
        let next = try await other.receive(limit: 1)
        #expect(next.map(\.event) == [event(1)])
    }

    @Test("each refused event is answered for; a client of before gets one answer for all")
    func outcomes() async throws {
        let (log, remote) = try await Self.open(time)
        let large = Envelope(
            id: "l",
            source: "test",
            epoch: 1,
            topic: "things",
            key: "l",
            sequence: 1,
            time: time.date,
            traceparent: nil,
            body: Array(repeating: 0, count: EventLogLimits().body + 1)
        )
        let refusal = PublishRefusal(.requestTooLarge, "a body is over the limit")
        #expect(try await remote.publish([large, event(1)]) == [.refused(refusal), .accepted])
        #expect(try await log.status().map(\.published) == [1])

        let client = EventLogClient(over: InProcessChannel(.eventLog(log)))
        var request = PublishRequest()
        request.events = [EventRecord(event(2)), EventRecord(large)]
        await #expect(throws: Fault.self) { _ = try await client.publish(request, context: Self.context) }
        #expect(try await log.status().map(\.published) == [1])
    }

    @Test("declares topics and groups; others are refused by name")
    func declared() async throws {
        let log = try await EventLog.open(
            try SQLiteDatabase.inMemory(time: time),
            runtime: Runtime(time: time, seed: 1),
            policy: .sole("test")
        )
        let remote = RemoteEventLog(over: InProcessChannel(.eventLog(log)), service: "test", time: time)
        let outcomes = try await remote.publish([event(1)])
        guard case .refused(let refusal) = outcomes.first else {
            Issue.record("an undeclared topic was accepted")
            return
        }
        #expect(refusal.reason == "eventlog.unknown_topic")
        #expect(refusal.message.contains("things"))
        let plan = GroupPlan(topic: "things", group: "g")
        try await remote.declare(BusDeclaration(topics: [TopicPlan("things", partitions: 2)], groups: [plan]))
        #expect(try await remote.publish([event(1)]) == [.accepted])
        let member = try await remote.join(topic: "things", group: "g", start: .earliest)
        #expect(try await member.receive(limit: 1).map(\.event) == [event(1)])
        let fault = await #expect(throws: Fault.self) {
            _ = try await remote.join(topic: "things", group: "other", start: .earliest)
        }
        #expect(fault?.reason == "eventlog.unknown_group")
        let groups = try await remote.status().first?.groups
        #expect(groups?.map(\.members) == [1])
        #expect(groups?.first?.lastSeen != nil)
    }

    @Test("a group does not go back on a log of before, which would leave it where it is")
    func returnsToLogOfBefore() async throws {
        let (log, _) = try await Self.open(time)
        let channel = ChannelOfBefore(channel: InProcessChannel(.eventLog(log)))
        let remote = RemoteEventLog(over: channel, service: "test", time: time)
        try await remote.declare(BusDeclaration(topics: [TopicPlan("things")]))
        try await remote.join(topic: "things", group: "g", start: .earliest).leave()
        let fault = await #expect(throws: Fault.self) {
            _ = try await remote.join(topic: "things", group: "g", start: .again)
        }
        #expect(fault?.reason == "eventlog.too_old")
    }

    @Test("a status has the partitions of a topic, and those that its publisher declares when they are others")
    func partitions() async throws {
        let (_, remote) = try await Self.open(time)
        for partitions in [3, 5] {
            try await remote.declare(BusDeclaration(topics: [TopicPlan("planned", partitions: partitions)]))
        }
        let status = try #require(try await remote.status().first { ExactText($0.topic) == "planned" })
        #expect([status.partitions, status.declaredPartitions] == [3, 5])
    }

    @Test("a topic with too many partitions or too long a retention is refused")
    func topicLimits() async throws {
        let log = try await EventLog.open(
            try SQLiteDatabase.inMemory(time: time),
            runtime: Runtime(time: time, seed: 1),
            policy: .sole("test")
        )
        let client = EventLogClient(over: InProcessChannel(.eventLog(log)))
        func declare(partitions: Int32, seconds: Int64) async throws {
            var topic = TopicDeclaration()
            topic.topic = "topic-\(partitions)-\(seconds)"
            topic.partitions = partitions
            topic.retentionSeconds = seconds
            var request = DeclareRequest()
            request.topics = [topic]
            _ = try await client.declare(request, context: Self.context)
        }
        let limits = (Int32(TopicPlan.partitionsLimit), TopicPlan.retentionLimit.components.seconds)
        try await declare(partitions: limits.0, seconds: limits.1)
        await #expect(throws: Fault.self) { try await declare(partitions: limits.0 + 1, seconds: 0) }
        await #expect(throws: Fault.self) { try await declare(partitions: 0, seconds: limits.1 + 1) }
        #expect(try await log.status().count == 1)
    }

    @Test("publish disables retries of the channel, since the relay retries")
    func retries() async throws {
        let channel = UnreachableChannel()
        let remote = RemoteEventLog(over: channel, service: "test", time: time)
        await #expect(throws: Fault.self) { try await remote.publish([event(1)]) }
        #expect(channel.contexts.map(\.mayRetry) == [false])
    }

    @Test("receives at most its window of unacknowledged deliveries")
    func window() async throws {
        let (log, remote) = try await Self.open(time)
        let count = RemoteEventLog.window + 50
        try await remote.publish((1...Int64(count)).map { event($0) })
        let member = try await remote.join(topic: "things", group: "g", start: .earliest)
        var received: [Delivery] = []
        while received.count < RemoteEventLog.window { received += try await member.receive(limit: 100) }
        #expect(received.count == RemoteEventLog.window)

        try await member.acknowledge(received.map(\.id))
        var rest: [Delivery] = []
        while rest.count < 50 { rest += try await member.receive(limit: 100) }
        #expect(rest.map(\.event.sequence) == Array(Int64(count - 49)...Int64(count)))
        #expect(try await log.status().first?.groups.map(\.lag) == [50])
    }

    @Test("acknowledge with an unknown member name is refused", arguments: ["", "unknown", "1-1", "1-x"])
    func unknown(name: String) async throws {
        let (log, _) = try await Self.open(time)
        let client = EventLogClient(over: InProcessChannel(.eventLog(log)))
        var request = AcknowledgeRequest()
        request.member = name
        await #expect(throws: Fault.self) {
            _ = try await client.acknowledge(request, context: Self.context)
        }
    }
}

/// To an event log of before topics were declared and groups could go back.
private struct ChannelOfBefore: RPCChannel {
    let channel: InProcessChannel

    func unary<Request: ContractMessage, Response: ContractMessage>(
        _ method: MethodDescriptor,
        _ request: Request,
        context: CallContext
    ) async throws -> Response {
        guard method != EventLogMethods.declare else {
            throw Fault(.unimplemented, .notFound, "\(method.path) is not served here")
        }
        return try await channel.unary(method, request, context: context)
    }

    func serverStream<Request: ContractMessage, Response: ContractMessage>(
        _ method: MethodDescriptor,
        _ request: Request,
        context: CallContext
    ) async throws -> ResponseStream<Response> {
        try await channel.serverStream(method, request, context: context)
    }
}
