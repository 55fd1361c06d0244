import HTTPTypes
import MartletCore
import MartletDiscovery
import MartletHTTP
import MartletREST
import MartletTesting
import NIOCore
import Synchronization
import Testing

@testable import Gateway

@Suite("Gateway within the budget of its process", .timeLimit(.minutes(HangLimit.testMinutes)))
struct GatewayBudgetSocketTests {
    let fixture: GatewayFixture

    init() async throws { fixture = try await GatewayFixture() }

    /// With timeouts that only a hang reaches; 100 bytes are reserved before a request is forwarded.
    private static var limits: GatewayLimits {
        var limits = GatewayFixture.limits
        limits.responseBytesReserved = 100
        return limits
    }

    private static func budget(bytesMax: Int) -> ListenerBudget {
        var limits = ListenerLimits(connectionsMax: 1, healthConnectionsMax: 1, closingConnectionsMax: 1)
        limits.connection = ByteAccount.Limits(bytesMax: bytesMax, untrustedBytesMax: bytesMax, freeBytes: 0)
        return ListenerBudget(limits)
    }

    /// The gateway's response to a request on a connection of `budget`, while a service answers with `bytes`.
    private func answer(
        of service: LongService,
        within budget: ListenerBudget,
        _ check: (ServerResponse) async throws -> Void
    ) async throws {
        let server = fixture.listener { _, _ in service.response() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            defer { group.cancelAll() }
            let address = Address(host: "127.0.0.1", port: try await server.boundPort())
            let instance = Instance(id: "catalog-1", http: address, grpc: nil, operate: nil)
            let share = budget.open(from: nil, time: fixture.time) {}
            let connection = RESTConnection(try #require(share), peer: nil)
            try await fixture.withGateway(instances: ["catalog": [instance]], limits: Self.limits) { gateway in
                try await check(await gateway.answer(GatewayFixture.request(.get, "/v1/products"), on: connection))
            }
        }
    }

    @Test("reserves the bytes of a response, with and without a length", arguments: [true, false])
    func reserved(hasLength: Bool) async throws {
        let budget = Self.budget(bytesMax: 1_000)
        try await answer(of: LongService(bytes: 1_000, hasLength: hasLength), within: budget) { response in
            #expect(response.status == .ok)
            #expect(response.body.length == 1_000)
            #expect(budget.bytes.held == 1_000)
        }
        // At the latest when nothing refers to the connection any more.
        while budget.bytes.held > 0 { await Task.yield() }
    }

    @Test("a response shorter than what was reserved for it holds its own bytes")
    func short() async throws {
        let budget = Self.budget(bytesMax: 1_000)
        try await answer(of: LongService(bytes: 10, hasLength: true), within: budget) { response in
            #expect(response.status == .ok)
            #expect(budget.bytes.held == 10)
        }
    }

    @Test("a response without space becomes 503 with Retry-After, and nothing of it is held", arguments: [true, false])
    func refused(hasLength: Bool) async throws {
        let budget = Self.budget(bytesMax: 1_000)
        let service = LongService(bytes: 1_001, hasLength: hasLength)
        try await answer(of: service, within: budget) { response in
            #expect(response.status == .serviceUnavailable)
            #expect(response.headers[.retryAfter] == "1")
            #expect(budget.bytes.held == 0)
        }
        #expect(service.requests == 1)
    }

    @Test("a request is not forwarded when its response would have no space")
    func notForwarded() async throws {
        let service = LongService(bytes: 10, hasLength: true)
        try await answer(of: service, within: Self.budget(bytesMax: 99)) { response in
            #expect(response.status == .serviceUnavailable)
        }
        #expect(service.requests == 0)
    }
}

/// A service whose responses have so many bytes.
private final class LongService: Sendable {
    private let bytes: Int
    private let hasLength: Bool
    private let asked = Mutex(0)

    var requests: Int { asked.withLock { $0 } }

    init(bytes: Int, hasLength: Bool) {
        self.bytes = bytes
        self.hasLength = hasLength
    }

    func response() -> ServerResponse {
        asked.withLock { $0 += 1 }
        let all = ByteBuffer(repeating: 120, count: bytes)
        guard !hasLength else { return ServerResponse(status: .ok, body: ResponseBody(buffer: all)) }
        return ServerResponse(
            status: .ok,
            body: ResponseBody(length: nil) { writer in
                try await writer.write(buffer: all)
            }
        )
    }
}
