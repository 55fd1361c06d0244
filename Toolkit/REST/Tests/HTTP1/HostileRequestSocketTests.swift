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

@Suite("REST server with hostile clients", .timeLimit(.minutes(HangLimit.testMinutes)))
struct HostileRequestSocketTests {
    static let limits = ConnectionLimits.hang(drainBytesMax: 1 << 20)
    static let livez = "GET /livez HTTP/1.1\r\nHost: h\r\n"
    static let close = livez + "Connection: close\r\n\r\n"

    /// Runs `body` with the port of a server, and then expects that it still answers.
    private func serving(
        _ limits: ConnectionLimits = HostileRequestSocketTests.limits,
        _ body: (Int) async throws -> Void
    ) async throws {
        var responder = try RESTResponder(
            contracts: [.parcel(ParcelHandler(time: ManualTime()), on: NoPlatform())],
            authenticate: { _, _ in Principal(user: "anna", scopes: ["parcels:write", "parcels:read"]) },
            limits: RESTLimits(bodyBytesMax: 1_000, timeout: HangLimit.wait, timeoutMax: HangLimit.wait),
            runtime: Runtime(time: SystemTime(), seed: 1),
            log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        responder.add("/livez") { _ in ServerResponse(status: .ok, body: ResponseBody("yes".utf8))
        }
        let server = RESTServer(
            host: "127.0.0.1",
            port: 0,
            limits: limits,
            budget: ListenerBudget(ListenerLimits(descriptors: 4_096)),
            time: SystemTime(),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            respond: { [responder] request, connection in await responder.answer(request, on: connection) }
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            defer { group.cancelAll() }
            let port = try await server.boundPort()
            try await body(port)
            let bystander = try await RawConnection.exchange([Self.close], with: port)
            #expect(bystander.hasPrefix("HTTP/1.1 200 OK\r\n"))
        }
    }

    /// The statuses of the responses, without `100 Continue`.
    private static func statuses(_ answer: String) -> [String] {
        answer.components(separatedBy: "\r\n").filter { $0.hasPrefix("HTTP/1.") || $0.contains("}HTTP/1.") }
    }

    @Test("gets one response, and the connection closes", arguments: HostileRequest.all)
    func refused(_ request: HostileRequest) async throws {
        try await serving { port in
            let answer = try await RawConnection.exchange([request.text], with: port)
            #expect(answer.hasPrefix("HTTP/1.1 \(request.status) "))
            #expect(Self.statuses(answer).count == 1, "\(answer)")
            #expect(answer.lowercased().contains("\r\nconnection: close\r\n"))
            #expect(answer.contains("\r\n\r\n{\"type\":\"/problems/"))
            #expect(answer.hasSuffix("}"))
        }
    }

    @Test("a hostile request behind a good one is refused after its response")
    func inOrder() async throws {
        try await serving { port in
            let answer = try await RawConnection.exchange([Self.livez + "\r\n" + "GET / HTTP/1.1\r\n\r\n"], with: port)
            #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n"))
            #expect(answer.contains("yesHTTP/1.1 400 Bad Request\r\n"))
            #expect(answer.hasSuffix("}"))
        }
    }

    @Test(
        "an upgrade is ignored, and the next request of the connection answered",
        arguments: ["h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA", "websocket", "TLS/1.2"]
    )
    func upgrade(_ protocolName: String) async throws {
        try await serving { port in
            let fields = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: \(protocolName)\r\n"
            let body = #"{"items":[{"name":"cup","quantity":1}]}"#
            let put =
                "PUT /v1/parcels/p1 HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n\(fields)"
                + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
            let answer = try await RawConnection.exchange([Self.livez + fields + "\r\n", put, Self.close], with: port)
            #expect(answer.components(separatedBy: "HTTP/1.1 200 OK\r\n").count == 4)
            #expect(!answer.contains("HTTP/1.1 101 "))
        }
    }

    @Test("many requests that are sent at once are all answered, in order")
    func pipelined() async throws {
        try await serving { port in
            let requests = (0..<500).map { "GET /v1/nothing HTTP/1.1\r\nHost: h\r\nX-Request-Id: r\($0)\r\n\r\n" }
            let answer = try await RawConnection.exchange([requests.joined() + Self.close], with: port)
            let ids = answer.components(separatedBy: "\r\n").filter { $0.lowercased().hasPrefix("x-request-id: ") }
            #expect(ids.map { $0.dropFirst(14) } == (0..<500).map { "r\($0)" })
            #expect(answer.hasSuffix("\r\n\r\nyes"))
        }
    }

    @Test("a head that does not end gets 408")
    func slowHead() async throws {
        var limits = Self.limits
        limits.head = .milliseconds(10)
        try await serving(limits) { port in
            let answer = try await RawConnection.exchange(["GET /livez HTTP/1.1\r\nX: "], with: port)
            #expect(answer.hasPrefix("HTTP/1.1 408 Request Timeout\r\n"))
        }
    }

    @Test("a body that does not end gets one response: 408")
    func slowBody() async throws {
        var limits = Self.limits
        limits.body = .milliseconds(10)
        try await serving(limits) { port in
            let put =
                "PUT /v1/parcels/p1 HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"
            let answer = try await RawConnection.exchange([put], with: port)
            #expect(answer.hasPrefix("HTTP/1.1 408 Request Timeout\r\n"))
            #expect(answer.contains(#""detail":"body: did not arrive in time""#))
            #expect(Self.statuses(answer).count == 1)
        }
    }

    @Test("bytes behind the last request are dropped while it is answered: the response arrives")
    func poured() async throws {
        let limits = ConnectionLimits.hang(drainBytesMax: 8 << 20)
        try await serving(limits) { port in
            let pour = String(repeating: "x", count: 2 << 20)
            let answer = try await RawConnection.exchange([Self.close, pour, pour], with: port)
            #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n"))
            #expect(answer.hasSuffix("\r\n\r\nyes"))
        }
    }
}
