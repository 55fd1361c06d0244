import HTTPTypes
import Logging
import MartletCore
import MartletHTTP
import MartletTesting
import Synchronization
import Testing

@testable import MartletREST

@Suite("Clients beside many that do not read", .timeLimit(.minutes(HangLimit.testMinutes)))
struct CrowdedConnectionSocketTests {
    /// More than the buffers of both systems take.
    private static let bytes = 4 << 20
    private static let pieces = 64
    private static let newcomer = "127.0.0.9"

    private final class Counter: Sendable {
        let requests = Atomic(0)
    }

    private let time = ManualTime()
    private let counter = Counter()

    private static func budget(connections: Int) -> ListenerBudget {
        var limits = ListenerLimits(connectionsMax: connections, healthConnectionsMax: 16, closingConnectionsMax: 64)
        limits.connection = ByteAccount.Limits(bytesMax: 16 << 20, untrustedBytesMax: 16 << 20, freeBytes: 0)
        return ListenerBudget(limits)
    }

    /// Runs `body` with the port of a server whose responses are long, but for `/short`; on a connection for health it
    /// answers 503.
    private func serving(within budget: ListenerBudget, _ body: (Int) async throws -> Void) async throws {
        var limits = ConnectionLimits(idle: HangLimit.wait, drainBytesMax: 1_000, linger: .milliseconds(1))
        // No connection becomes idle, or is cut off, because of it.
        limits.sendTimeout = .seconds(86_400)
        let server = RESTServer(
            host: "127.0.0.1",
            port: 0,
            limits: limits,
            budget: budget,
            time: time,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            respond: { [counter] request, connection in
                let body = Self.body(request.path, isReserved: connection.isReserved)
                counter.requests.wrappingAdd(1, ordering: .relaxed)
                return ServerResponse(status: connection.isReserved ? .serviceUnavailable : .ok, body: body)
            }
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            defer { group.cancelAll() }
            try await body(try await server.boundPort())
        }
    }

    private static func body(_ path: String, isReserved: Bool) -> ResponseBody {
        if isReserved || path == "/short" { return ResponseBody("short".utf8) }
        guard path == "/pieces" else { return ResponseBody(repeatElement(120, count: bytes)) }
        return ResponseBody(length: nil) { writer in
            for _ in 0..<pieces { try await writer.write(repeatElement(120, count: bytes / pieces)) }
        }
    }

    private static func get(_ path: String) -> String { "GET \(path) HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n" }

    /// Runs `body` while clients of these addresses read nothing of their responses.
    ///
    /// - Returns: How many bytes they all receive in the end.
    private func unread(
        _ path: String = "/",
        from sources: [String],
        with port: Int,
        _ body: () async throws -> Void
    ) async throws -> Int {
        guard let source = sources.first else {
            try await body()
            return 0
        }
        let before = counter.requests.load(ordering: .relaxed)
        var others = 0
        let received = try await RawConnection.reluctant(Self.get(path), with: port, from: source) {
            while counter.requests.load(ordering: .relaxed) == before { await Task.yield() }
            others = try await unread(path, from: Array(sources.dropFirst()), with: port, body)
        }
        return received + others
    }

    private func isServed(_ port: Int, from source: String) async throws -> Bool {
        try await RawConnection.exchange([Self.get("/short")], with: port, from: source).hasPrefix("HTTP/1.1 200 ")
    }

    @Test("one of another address is served at once, and none is cut off", arguments: [1, 4])
    func atOnce(addresses: Int) async throws {
        let sources = (0..<8).map { "127.0.1.\(1 + $0 % addresses)" }
        try await serving(within: Self.budget(connections: 8)) { port in
            let received = try await unread(from: sources, with: port) {
                let served = try await isServed(port, from: Self.newcomer)
                #expect(served)
            }
            // The last one of the crowd gets 503.
            #expect(received > 7 * Self.bytes)
        }
    }

    @Test("when all places are taken, one of the many gives its place as soon as it has stalled")
    func stalled() async throws {
        let sources = Array(repeating: "127.0.1.1", count: 4)
        try await serving(within: Self.budget(connections: 4)) { port in
            let received = try await unread(from: sources, with: port) {
                var served = try await isServed(port, from: Self.newcomer)
                #expect(!served)
                // Until a client is seen to have stopped.
                for number in 10..<30 where !served {
                    time.advance(by: .seconds(2))
                    served = try await isServed(port, from: "127.0.0.\(number)")
                }
                #expect(served)
            }
            #expect(received < 4 * Self.bytes)
        }
    }

    @Test("a request that is handled gives its place, too, when its client does not read the response")
    func blocked() async throws {
        try await serving(within: Self.budget(connections: 1)) { port in
            let received = try await unread("/pieces", from: ["127.0.0.1"], with: port) {
                var served = false
                for _ in 0..<10_000 where !served {
                    time.advance(by: .seconds(2))
                    served = try await isServed(port, from: "127.0.0.1")
                }
                #expect(served)
            }
            #expect(received < Self.bytes)
        }
    }
}
