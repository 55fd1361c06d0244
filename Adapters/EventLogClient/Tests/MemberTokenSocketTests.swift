import MartletContract
import MartletCore
import MartletEventLog
import MartletEventLogClient
import MartletMessaging
import MartletRPC
import MartletSQLite
import MartletTesting
import Synchronization
import Testing

@Suite("Token of a member of the event log", .timeLimit(.minutes(HangLimit.testMinutes)))
struct MemberTokenSocketTests {
    /// The tokens that the log accepts, and the one that the service has.
    private final class Tokens: Sendable {
        private struct State {
            var accepted: Set<String> = ["old", "new"]
            var own = "old"
        }

        private let state = Mutex(State())

        var header: String { "Bearer \(state.withLock { $0.own })" }

        func mint() { state.withLock { $0.own = "new" } }

        func withdraw() { _ = state.withLock { $0.accepted.remove("old") } }

        func authenticate(_ headers: CallHeaders) throws -> CallAuthentication {
            guard let token = headers.bearerToken, state.withLock({ $0.accepted.contains(token) }) else {
                throw Fault(.unauthenticated, .unauthenticated, "the token is not valid")
            }
            return .known(Principal(service: "test", for: .itself))
        }
    }

    private let time = ManualTime()
    private let tokens = Tokens()

    private func makeServer(_ log: EventLog) -> RPCServer {
        let tokens = tokens
        return EventLogOverTCP.server(.eventLog(log), time: time) { headers, _ in try tokens.authenticate(headers) }
    }

    private func connect(to port: Int) -> RPCConnection {
        let tokens = tokens
        return EventLogOverTCP.connection(to: port, time: time) { tokens.header }
    }

    @Test("when its key is withdrawn the member is to join again, and receives what it has not acknowledged")
    func withdrawn() async throws {
        var limits = EventLogLimits()
        limits.acceptsUndeclared = true
        let log = try await EventLog.open(
            try SQLiteDatabase.inMemory(time: time),
            runtime: Runtime(time: time, seed: 1),
            policy: .sole("test"),
            limits: limits
        )
        let server = makeServer(log)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await server.run() }
            let connection = connect(to: try await server.boundPort())
            let remote = RemoteEventLog(over: connection, service: "test", time: time)
            try await remote.publish([EventLogOverTCP.event])
            let member = try await remote.join(topic: "things", group: "g", start: .earliest)
            let received = try await member.receive(limit: 1)
            self.tokens.mint()
            self.tokens.withdraw()
            let ended = await #expect(throws: Fault.self) { try await member.receive(limit: 1) }
            #expect(ended?.code == .unavailable)

            let again = try await remote.join(topic: "things", group: "g", start: .earliest)
            #expect(try await again.receive(limit: 1).map(\.event) == received.map(\.event))
            await connection.close()
            tasks.cancelAll()
            while await tasks.nextResult() != nil {}
        }
    }
}
