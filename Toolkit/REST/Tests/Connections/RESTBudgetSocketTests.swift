import Foundation
import HTTPTypes
import Logging
import MartletContract
import MartletCore
import MartletHTTP
import MartletREST
import MartletTestContract
import MartletTesting
import NIOCore
import Testing

@Suite("REST server within the budget of its process", .timeLimit(.minutes(HangLimit.testMinutes)))
struct RESTBudgetSocketTests {
    static let livez = "GET /livez HTTP/1.1\r\nHost: h\r\n"
    /// 39 bytes of body; the response has 24.
    static let put = "PUT /v1/parcels/p1 HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
    static let good = #"{"items":[{"name":"cup","quantity":1}]}"#

    let budget: ListenerBudget
    private let started = AsyncStream.makeStream(of: Void.self)
    private let released = AsyncStream.makeStream(of: Void.self)

    init() {
        var limits = ListenerLimits(connectionsMax: 1, healthConnectionsMax: 1, closingConnectionsMax: 1)
        limits.connection = ByteAccount.Limits(bytesMax: 8_000, untrustedBytesMax: 8_000, freeBytes: 0)
        budget = ListenerBudget(limits)
    }

    /// Runs `body` with the port of a server that holds requests of `/hold` until it is released.
    private func serving<R: Sendable>(_ body: (Int) async throws -> R) async throws -> R {
        var responder = try RESTResponder(
            contracts: [.parcel(ParcelHandler(time: ManualTime()), on: NoPlatform())],
            authenticate: { _, _ in Principal(user: "anna", scopes: ["parcels:write", "parcels:read"]) },
            limits: RESTLimits(bodyBytesMax: 10_000, timeout: HangLimit.wait, timeoutMax: HangLimit.wait),
            runtime: Runtime(time: SystemTime(), seed: 1),
            log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        responder.add("/livez") { _ in Self.text("yes") }
        responder.add("/long") { _ in Self.text(String(repeating: "x", count: 8_001)) }
        responder.add("/hold") { [started, released] _ in
            started.continuation.yield()
            for await _ in released.stream { break }
            return Self.text("held")
        }
        let server = RESTServer(
            host: "127.0.0.1",
            port: 0,
            limits: ConnectionLimits.hang(drainBytesMax: 10_000),
            budget: budget,
            time: SystemTime(),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            respond: { [responder] request, connection in await responder.answer(request, on: connection) }
        )
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            defer { group.cancelAll() }
            return try await body(try await server.boundPort())
        }
    }

    private static func text(_ text: String) -> ServerResponse {
        ServerResponse(status: .ok, body: ResponseBody(text.utf8))
    }

    @Test("for a connection too many the idle one closes")
    func idle() async throws {
        try await serving { port in
            let first = try await RawConnection.idle(after: Self.livez + "\r\n", answer: "yes", with: port) {
                let second = try await RawConnection.exchange([Self.livez + "Connection: close\r\n\r\n"], with: port)
                #expect(second.hasPrefix("HTTP/1.1 200 OK\r\n"))
            }
            #expect(first.hasPrefix("HTTP/1.1 200 OK\r\n"))
        }
    }

    @Test("while all connections are busy, a further one gets health or 503, and closes after it")
    func busy() async throws {
        try await serving { port in
            async let held = RawConnection.exchange(
                ["GET /hold HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"],
                with: port
            )
            for await _ in started.stream { break }
            let refused = try await RawConnection.exchange(
                ["GET /v1/parcels/p1 HTTP/1.1\r\nHost: h\r\n\r\n"],
                with: port
            )
            #expect(refused.hasPrefix("HTTP/1.1 503 "))
            #expect(refused.lowercased().contains("\r\nretry-after: 1\r\n"))
            #expect(refused.contains(#""reason":"overloaded""#))
            let health = try await RawConnection.exchange([Self.livez + "\r\n"], with: port)
            #expect(health.hasPrefix("HTTP/1.1 200 OK\r\n"))
            #expect(health.lowercased().contains("\r\nconnection: close\r\n"))
            released.continuation.yield()
            #expect(try await held.hasSuffix("\r\n\r\nheld"))
        }
    }

    @Test("a body or a response for which there is no space is 503; the next request of the connection is answered")
    func bytes() async throws {
        let long = String(repeating: " ", count: 8_001)
        let answer = try await serving { port in
            try await RawConnection.exchange(
                [
                    Self.put + "Content-Length: 8001\r\n\r\n", long, "GET /long HTTP/1.1\r\nHost: h\r\n\r\n",
                    Self.put + "Connection: close\r\nContent-Length: \(Self.good.utf8.count)\r\n\r\n", Self.good,
                ],
                with: port
            )
        }
        #expect(answer.components(separatedBy: "HTTP/1.1 503 ").count == 3)
        #expect(answer.components(separatedBy: "HTTP/1.1 200 OK\r\n").count == 2)
        #expect(answer.components(separatedBy: #""reason":"overloaded""#).count == 3)
        #expect(budget.bytes.held == 0)
    }

    @Test("what arrives while a request is handled is answered after it; without space for it the connection closes")
    func queued() async throws {
        try await serving { port in
            let hold = "GET /hold HTTP/1.1\r\nHost: h\r\n\r\n"
            for (count, responses) in [(2, 3), (300, 0)] {
                let waiting = String(repeating: Self.livez + "\r\n", count: count)
                let answer = try await RawConnection.exchange(hold, then: waiting, with: port) {
                    for await _ in started.stream { break }
                    if responses > 0 { released.continuation.yield() }
                }
                #expect(answer.components(separatedBy: "HTTP/1.1 200 OK\r\n").count == responses + 1)
                if responses == 0 { released.continuation.yield() }
                while budget.connections > 0 { await Task.yield() }
            }
        }
    }
}
