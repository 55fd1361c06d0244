import MartletContract
import MartletCore
import MartletEventLog
import MartletEventLogClient
import MartletMessaging
import MartletSQLite
import MartletTesting
import Testing

@Suite("The event log of another process")
struct RemoteEventLogTests {
    let time = ManualTime()

    private static func open(_ time: ManualTime) async throws -> (log: EventLog, remote: RemoteEventLog) {
        let log = try await EventLog.open(
            try SQLiteDatabase.inMemory(time: time),
            time: time,
            entropy: SeededEntropy(seed: 1)
        )
        let channel = InProcessChannel(.eventLog(EventLogHandler(log)))
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

    @Test("loses a member with its stream")
    func brokenStream() async throws {
        let (log, remote) = try await Self.open(time)
        try await remote.publish([event(1)])
        do {
            let member = try await remote.join(topic: "things", group: "g", start: .earliest)
            _ = try await member.receive(limit: 1)
        }
        // The stream is gone with the member that read it: what it held is free for others.
        let next = try await log.join(topic: "things", group: "g", start: .earliest).receive(limit: 1)
        #expect(next.map(\.event) == [event(1)])
    }

    @Test("asks its channel not to repeat a publication, which the relay repeats")
    func retries() async throws {
        let channel = DeadChannel()
        let remote = RemoteEventLog(over: channel, service: "test", time: time)
        await #expect(throws: Fault.self) { try await remote.publish([event(1)]) }
        #expect(channel.contexts.map(\.mayRetry) == [false])
    }

    @Test("is not sent more ahead than its window")
    func window() async throws {
        let (log, remote) = try await Self.open(time)
        let count = RemoteEventLog.window + 50
        try await remote.publish((1...Int64(count)).map { event($0) })
        let member = try await remote.join(topic: "things", group: "g", start: .earliest)
        var held: [Delivery] = []
        while held.count < RemoteEventLog.window { held += try await member.receive(limit: 100) }
        #expect(held.count == RemoteEventLog.window)

        try await member.acknowledge(held.map(\.id))
        var rest: [Delivery] = []
        while rest.count < 50 { rest += try await member.receive(limit: 100) }
        #expect(rest.map(\.event.sequence) == Array(Int64(count - 49)...Int64(count)))
        #expect(try await log.status().first?.groups.map(\.lag) == [50])
    }

    @Test("refuses names of members that the log does not know", arguments: ["", "nobody", "1-1", "1-x"])
    func unknown(name: String) async throws {
        let (log, _) = try await Self.open(time)
        let client = EventLogClient(over: InProcessChannel(.eventLog(EventLogHandler(log))))
        var request = AcknowledgeRequest()
        request.member = name
        await #expect(throws: Fault.self) {
            _ = try await client.acknowledge(request, context: CallContext())
        }
    }
}
