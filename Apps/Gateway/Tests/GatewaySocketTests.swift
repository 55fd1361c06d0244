import HTTPTypes
import HummingbirdCore
import MartletCore
import MartletDiscovery
import MartletREST
import MartletTesting
import Synchronization
import Testing

@testable import Gateway

@Suite("Gateway and a service's socket", .timeLimit(.minutes(HangLimit.testMinutes)))
struct GatewaySocketTests {
    let fixture: GatewayFixture

    init() async throws { fixture = try await GatewayFixture() }

    /// With timeouts that only a hang reaches.
    private static var limits: GatewayLimits {
        var limits = GatewayLimits()
        limits.requests = RESTLimits(bodyBytesMax: 1 << 20, timeout: HangLimit.wait, timeoutMax: HangLimit.wait)
        limits.connect = HangLimit.wait
        limits.idle = HangLimit.wait
        return limits
    }

    @Test("rejects most requests of a method that its service rejects with 429, and of no other method")
    func throttled() async throws {
        let service = ThrottlingService()
        let server = RESTServer(
            host: "127.0.0.1",
            port: 0,
            limits: ConnectionLimits(idle: HangLimit.wait * 2, drainBytesMax: 1 << 20, linger: HangLimit.wait),
            time: fixture.time,
            logger: GatewayFixture.log,
            respond: { service.response(to: $0) }
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            defer { group.cancelAll() }
            let address = Address(host: "127.0.0.1", port: try await server.boundPort())
            let instance = Instance(id: "catalog-1", http: address, grpc: nil, operate: nil)
            try await fixture.withGateway(instances: ["catalog": [instance]], limits: Self.limits) { gateway in
                service.isThrottling.withLock { $0 = true }
                for _ in 0..<100 {
                    let refusal = await gateway.answer(GatewayFixture.request(.get, "/v1/products"))
                    #expect(refusal.status == .tooManyRequests)
                    #expect(refusal.headers[.retryAfter] == "2")
                }
                #expect(service.requests.withLock { $0 } < 30)
                let other = await gateway.answer(GatewayFixture.request(.get, "/v1/products/MUG"))
                #expect(other.status == .tooManyRequests)

                service.isThrottling.withLock { $0 = false }
                fixture.time.advance(by: .seconds(2))
                for _ in 0..<10 {
                    #expect(await gateway.answer(GatewayFixture.request(.get, "/v1/products")).status == .ok)
                }
            }
        }
        #expect(service.paths.withLock { $0 } == ["/v1/products", "/v1/products/MUG"])
    }
}

/// A service that responds 429 while a test requires it.
private final class ThrottlingService: Sendable {
    let isThrottling = Mutex(false)
    let requests = Mutex(0)
    let paths = Mutex<Set<String>>([])

    func response(to request: Request) -> Response {
        requests.withLock { $0 += 1 }
        paths.withLock { _ = $0.insert(request.uri.path) }
        guard isThrottling.withLock({ $0 }) else { return Response(status: .ok) }
        return Response(status: .tooManyRequests, headers: [.retryAfter: "2"])
    }
}
