import MartletContract
import MartletCore
import MartletEventLog
import MartletEventLogClient
import MartletMessaging
import MartletRPC
import MartletSQLite
import MartletTesting
import Testing

@Suite("Event log over TCP", .timeLimit(.minutes(HangLimit.testMinutes)))
struct RemoteEventLogSocketTests {
    private static let service = Principal(service: "test", for: .itself)
    private static let operate = Principal(user: "ops", scopes: ["operate"])

    /// The time of the calls' deadlines, which never pass: a slow machine must not end a call.
    private let time = ManualTime()

    private func makeServer(_ log: EventLog) -> RPCServer {
        EventLogOverTCP.server(.eventLog(log), time: time) { headers, _ in
            // Only operators may read the log's status.
            .known(headers[":path"]?.hasSuffix("/Status") == true ? Self.operate : Self.service)
        }
    }

    private func connect(_ server: RPCServer) async throws -> RPCConnection {
        EventLogOverTCP.connection(to: try await server.boundPort(), time: time) { nil }
    }

    private static func open(_ time: any TimeSource) async throws -> EventLog {
        var limits = EventLogLimits()
        limits.acceptsUndeclared = true
        return try await EventLog.open(
            try SQLiteDatabase.inMemory(time: time),
            runtime: Runtime(time: time, seed: 1),
            policy: .sole("test"),
            limits: limits
        )
    }

    @Test("conforms", arguments: MessageBusConformance.checks)
    func conforms(to check: MessageBusConformance.Check) async throws {
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            try await check.run { delays in
                let server = makeServer(try await Self.open(delays))
                tasks.addTask { try await server.run() }
                return RemoteEventLog(over: try await connect(server), service: "test", time: time)
            }
            tasks.cancelAll()
            // The server throws CancellationError.
            while await tasks.nextResult() != nil {}
        }
    }

    @Test("the membership ends with its connection")
    func brokenStream() async throws {
        let log = try await Self.open(ManualTime())
        let server = makeServer(log)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await server.run() }
            let connection = try await connect(server)
            let remote = RemoteEventLog(over: connection, service: "test", time: time)
            try await remote.publish([EventLogOverTCP.event])
            let member = try await remote.join(topic: "things", group: "g", start: .earliest)
            let received = try await member.receive(limit: 1)
            await connection.close()

            // Another member receives the event as soon as the server notices the end of the stream.
            let other = try await log.bus(of: "test").join(topic: "things", group: "g", start: .earliest)
            #expect(try await other.receive(limit: 1).map(\.event) == received.map(\.event))
            tasks.cancelAll()
            while await tasks.nextResult() != nil {}
        }
    }
}
