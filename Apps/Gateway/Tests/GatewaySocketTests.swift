import HTTPTypes
import MartletCore
import MartletDiscovery
import MartletHTTP
import MartletHost
import MartletREST
import MartletResilience
import MartletSecurity
import MartletTesting
import NIOCore
import NIOHTTP1
import Synchronization
import Testing

@testable import Gateway

@Suite("Gateway and a service's socket", .timeLimit(.minutes(HangLimit.testMinutes)))
struct GatewaySocketTests {
    let fixture: GatewayFixture

    init() async throws { fixture = try await GatewayFixture() }

    @Test("rejects most requests of a method that its service rejects with 429, and of no other method")
    func throttled() async throws {
        let service = ThrottlingService()
        let server = fixture.listener { request, _ in service.response(to: request) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            defer { group.cancelAll() }
            let address = Address(host: "127.0.0.1", port: try await server.boundPort())
            let instance = Instance(id: "catalog-1", http: address, grpc: nil, operate: nil)
            try await fixture.withGateway(instances: ["catalog": [instance]]) { gateway in
                service.isThrottling.withLock { $0 = true }
                for _ in 0..<100 {
                    let refusal = await gateway.answer(GatewayFixture.request(.get, "/v1/products"), on: nil)
                    #expect(refusal.status == .tooManyRequests)
                    #expect(refusal.headers[.retryAfter] == "2")
                }
                #expect(service.requests.withLock { $0 } < 30)
                let other = await gateway.answer(GatewayFixture.request(.get, "/v1/products/MUG"), on: nil)
                #expect(other.status == .tooManyRequests)

                service.isThrottling.withLock { $0 = false }
                fixture.time.advance(by: .seconds(2))
                for _ in 0..<10 {
                    #expect(await gateway.answer(GatewayFixture.request(.get, "/v1/products"), on: nil).status == .ok)
                }
            }
        }
        #expect(service.paths.withLock { $0 } == ["/v1/products", "/v1/products/MUG"])
    }

    @Test("instances that cannot be reached fail no request, also of a method that may not be repeated")
    func nextInstance() async throws {
        let service = ThrottlingService()
        let server = fixture.listener { request, _ in service.response(to: request) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            defer { group.cancelAll() }
            // Nothing listens on ports 1 and 2.
            let ports = [1, 2, try await server.boundPort()]
            let instances = ports.map { port in
                Instance(id: "\(port)", http: Address(host: "127.0.0.1", port: port), grpc: nil, operate: nil)
            }
            var callers = CallerLimits()
            callers[.anonymousCreations] = 0
            let services = ["catalog": instances, "carts": instances]
            try await fixture.withGateway(instances: services, callers: callers) { gateway in
                for _ in 1...20 {
                    let read = await gateway.answer(GatewayFixture.request(.get, "/v1/products"), on: nil)
                    #expect(read.status == .ok)
                    let creation = await gateway.answer(GatewayFixture.request(.post, "/v1/carts"), on: nil)
                    #expect(creation.status == .ok)
                }
            }
        }
        #expect(service.requests.withLock { $0 } == 40)
    }

    @Test("the refusals of one caller, or because of a request, are no overload for others")
    func throttledAlone() async throws {
        let service = ThrottlingService()
        let server = fixture.listener { request, _ in service.response(to: request) }
        let token = try await fixture.issuer.userToken("ann", scopes: [], lifetime: .seconds(60))
        let budget = ListenerBudget(
            ListenerLimits(connectionsMax: 2, healthConnectionsMax: 1, closingConnectionsMax: 1)
        )
        func share() -> ListenerConnection? { budget.open(from: nil, time: fixture.time) {} }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            defer { group.cancelAll() }
            let address = Address(host: "127.0.0.1", port: try await server.boundPort())
            let instance = Instance(id: "catalog-1", http: address, grpc: nil, operate: nil)
            try await fixture.withGateway(instances: ["catalog": [instance]]) { gateway in
                let guest = GatewayFixture.request(.get, "/v1/products")
                // Two addresses without a token: each is a caller.
                let first = RESTConnection(try #require(share()), peer: IPAddress("203.0.113.7"))
                let second = RESTConnection(try #require(share()), peer: IPAddress("203.0.113.8"))
                let ann = GatewayFixture.request(
                    .get,
                    "/v1/products",
                    headers: [.authorization: "Bearer \(token)"]
                )
                // Because of what the caller asks for.
                service.reason.withLock { $0 = "products.too_many" }
                service.isThrottling.withLock { $0 = true }
                for _ in 0..<50 { _ = await gateway.answer(guest, on: first) }
                #expect(service.requests.withLock { $0 } == 50)
                // As overload.
                fixture.time.advance(by: .seconds(2))
                service.reason.withLock { $0 = .overloaded }
                for _ in 0..<100 { _ = await gateway.answer(guest, on: first) }
                #expect(service.requests.withLock { $0 } < 80)
                service.isThrottling.withLock { $0 = false }
                for _ in 0..<20 { #expect(await gateway.answer(ann, on: nil).status == .ok) }
                for _ in 0..<20 { #expect(await gateway.answer(guest, on: second).status == .ok) }
            }
        }
    }
}

@Suite("Gateway and a program of another system", .timeLimit(.minutes(HangLimit.testMinutes)))
struct ForeignUpstreamSocketTests {
    let fixture: GatewayFixture

    init() async throws { fixture = try await GatewayFixture() }

    @Test("passes on what its own system answers, and nothing else", arguments: ["own", "other", nil])
    func foreign(_ answering: String?) async throws {
        let service = NamedService(name: answering)
        let server = fixture.listener { request, _ in service.response(to: request) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            defer { group.cancelAll() }
            let address = Address(host: "127.0.0.1", port: try await server.boundPort())
            let instance = Instance(id: "catalog-1", http: address, grpc: nil, operate: nil)
            let request = GatewayFixture.request(.get, "/v1/products")
            try await fixture.withGateway(instances: ["catalog": [instance]], system: SystemName("own")) { gateway in
                let response = await gateway.answer(request, on: nil)
                #expect(response.status == (answering == "own" ? .ok : .serviceUnavailable))
                #expect(response.headers[RESTHeaders.system] == nil)
            }
            #expect(service.wanted.withLock { $0 } == ["own"])
            // A gateway without a system passes on everything.
            try await fixture.withGateway(instances: ["catalog": [instance]]) { gateway in
                let response = await gateway.answer(request, on: nil)
                #expect(response.status == .ok)
            }
        }
    }

    @Test("what is wrong with the machine stands in the answer for a service that is down")
    func problem() async throws {
        let down = Instance(id: "catalog-1", http: Address(host: "127.0.0.1", port: 1), grpc: nil, operate: nil)
        for (problem, detail) in [
            ("the disk is full", "catalog is not available: the disk is full"), (nil, "catalog is not available"),
        ] {
            // One instance that is down, and none at all.
            for instances in [[down], []] {
                try await fixture.withGateway(instances: ["catalog": instances], problem: problem) { gateway in
                    let response = await gateway.answer(GatewayFixture.request(.get, "/v1/products"), on: nil)
                    #expect(response.status == .serviceUnavailable)
                    let text = try await BodyText.of(response)
                    #expect(text.contains("\"detail\":\"\(detail)\""))
                }
            }
        }
    }
}

@Suite("Gateway and the addresses of its clients", .timeLimit(.minutes(HangLimit.testMinutes)))
struct ClientAddressSocketTests {
    let fixture: GatewayFixture

    init() async throws { fixture = try await GatewayFixture() }

    /// The statuses of requests that state these addresses, one after another: 503 is accepted, without a service.
    private func statuses(behind proxies: String, _ stated: [String]) async throws -> [Int] {
        var limits = CallerLimits()
        limits.burstPercent = 100
        limits[.anonymousCreations] = 1
        let addresses = ClientAddressRule(proxies: try #require(IPNetwork.list(proxies)), header: .xForwardedFor)
        return try await fixture.withGateway(instances: [:], callers: limits, addresses: addresses) { gateway in
            let server = fixture.listener { request, connection in await gateway.answer(request, on: connection) }
            let http = Upstreams.client(GatewayFixture.limits)
            let statuses = try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await server.run() }
                defer { group.cancelAll() }
                let port = try await server.boundPort()
                var statuses: [Int] = []
                for address in stated {
                    let response = try await http.send(
                        HTTP1Client.Request(
                            method: "POST",
                            target: "/v1/carts",
                            headers: ["x-forwarded-for": address],
                            body: ByteBuffer()
                        ),
                        host: "127.0.0.1",
                        port: port,
                        timeout: HangLimit.wait,
                        responseBytesMax: 1 << 20
                    )
                    statuses.append(Int(response.status.code))
                }
                return statuses
            }
            await http.shutdown()
            return statuses
        }
    }

    @Test("behind a trusted proxy each stated address has its limit; otherwise the peer has one")
    func limits() async throws {
        let stated = ["192.0.2.1", "192.0.2.2", "192.0.2.1", "192.0.2.3, 192.0.2.2", "nonsense", "unknown"]
        #expect(try await statuses(behind: "127.0.0.0/8", stated) == [503, 503, 429, 429, 503, 429])
        #expect(try await statuses(behind: "10.0.0.0/8", stated) == [503, 429, 429, 429, 429, 429])
    }
}

/// The body of a response without a listener.
enum BodyText {
    static func of(_ response: ServerResponse) async throws -> String {
        var bytes = ByteBuffer()
        try await response.body.write { bytes.writeImmutableBuffer($0) }
        return String(buffer: bytes)
    }
}

/// A service that states which system it belongs to.
private final class NamedService: Sendable {
    let name: String?
    /// The systems for which its requests were meant.
    let wanted = Mutex<Set<String>>([])

    init(name: String?) { self.name = name }

    func response(to request: ServerRequest) -> ServerResponse {
        if let system = request.headers[RESTHeaders.system] { wanted.withLock { _ = $0.insert(system) } }
        var response = ServerResponse(status: .ok)
        response.headers[RESTHeaders.system] = name
        return response
    }
}

/// A service that responds 429 while a test requires it.
private final class ThrottlingService: Sendable {
    let isThrottling = Mutex(false)
    let reason = Mutex(Reason.overloaded)
    let requests = Mutex(0)
    let paths = Mutex<Set<String>>([])

    func response(to request: ServerRequest) -> ServerResponse {
        requests.withLock { $0 += 1 }
        paths.withLock { _ = $0.insert(request.path) }
        guard isThrottling.withLock({ $0 }) else { return ServerResponse(status: .ok) }
        let fault = Fault(.resourceExhausted, reason.withLock { $0 }, "too many", retryAfter: .seconds(2))
        return Problem(fault, requestID: "1").response
    }
}
