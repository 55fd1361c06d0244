import HTTPTypes
import MartletConfig
import MartletCore
import MartletHTTP
import MartletHost
import MartletREST
import MartletResilience
import MartletSecurity
import MartletTelemetry
import MartletTesting
import NIOCore
import Testing

@testable import Gateway

@Suite("Limits of the gateway's callers")
struct GatewayCallersTests {
    let fixture: GatewayFixture
    let metrics = MetricsRegistry(service: "gateway")

    init() async throws { fixture = try await GatewayFixture() }

    private static func limits(_ requests: Int, of limit: LimitClass) -> CallerLimits {
        var limits = CallerLimits()
        limits.burstPercent = 100
        limits[limit] = requests
        return limits
    }

    /// A gateway without services: an accepted request gets 503.
    private func withGateway(_ limits: CallerLimits, _ body: (GatewayResponder) async throws -> Void) async throws {
        try await fixture.withGateway(instances: [:], callers: limits, metrics: metrics, body)
    }

    private func send(
        _ verb: HTTPRequest.Method,
        _ path: String,
        token: String? = nil,
        to gateway: GatewayResponder
    ) async -> ServerResponse {
        var headers = HTTPFields()
        if let token { headers[.authorization] = "Bearer \(token)" }
        return await gateway.answer(GatewayFixture.request(verb, path, headers: headers), on: nil)
    }

    @Test("carts of guests: the limit, then 429 with a reason, a delay and the limit's headers, by class")
    func creations() async throws {
        try await withGateway(Self.limits(3, of: .anonymousCreations)) { gateway in
            for remaining in [2, 1, 0] {
                let accepted = await send(.post, "/v1/carts", to: gateway)
                #expect(accepted.status == .serviceUnavailable)
                #expect(accepted.headers[RESTHeaders.rateLimitPolicy] == #""anonymous-creations";q=3;w=60"#)
                // All three at once again only when none of them is in the last minute.
                #expect(accepted.headers[RESTHeaders.rateLimit] == #""anonymous-creations";r=\#(remaining);t=60"#)
            }
            let refused = await send(.post, "/v1/carts", to: gateway)
            #expect(refused.status == .tooManyRequests)
            #expect(refused.headers[.contentType] == "application/problem+json")
            #expect(refused.headers[.retryAfter] == "60")
            #expect(refused.headers[RESTHeaders.rateLimitPolicy] == #""anonymous-creations";q=3;w=60"#)
            #expect(refused.headers[RESTHeaders.rateLimit] == #""anonymous-creations";r=0;t=60"#)
            let text = try await BodyText.of(refused)
            #expect(text.contains(#""reason":"rate_limited""#))
            // Other classes are not concerned, and methods that require a token refuse as before.
            #expect(await send(.put, "/v1/carts/c/lines/MUG", to: gateway).status == .serviceUnavailable)
            #expect(await send(.get, "/v1/products", to: gateway).status == .serviceUnavailable)
            #expect(await send(.post, "/v1/orders", to: gateway).status == .unauthorized)
            fixture.time.advance(by: .seconds(60))
            #expect(await send(.post, "/v1/carts", to: gateway).status == .serviceUnavailable)
        }
        let text = MetricsText.exposition(of: [metrics])
        #expect(text.contains(#"martlet_rate_limited_total{service="gateway",class="anonymous-creations"} 1"#))
    }

    @Test("refuses before anything of the body has arrived")
    func body() async throws {
        try await withGateway(Self.limits(1, of: .anonymousCreations)) { gateway in
            _ = await send(.post, "/v1/carts", to: gateway)
            let (pieces, _) = AsyncThrowingStream.makeStream(of: ByteBuffer.self)
            let request = GatewayFixture.request(
                .post,
                "/v1/carts",
                headers: [.contentLength: "2"],
                body: RequestBody(pieces: pieces)
            )
            #expect(await gateway.answer(request, on: nil).status == .tooManyRequests)
        }
    }

    @Test("an identity has one limit, whatever its tokens and addresses are; others are not concerned")
    func identities() async throws {
        let ann = try await fixture.issuer.userToken("ann", scopes: ["orders:read"], lifetime: .seconds(600))
        let again = try await fixture.issuer.userToken("ann", scopes: [], lifetime: .seconds(900))
        let bob = try await fixture.issuer.userToken("bob", scopes: ["orders:read"], lifetime: .seconds(600))
        try await withGateway(Self.limits(2, of: .identityReads)) { gateway in
            #expect(await send(.get, "/v1/orders", token: ann, to: gateway).status == .serviceUnavailable)
            // A request that the scope refuses counts, too.
            #expect(await send(.get, "/v1/orders", token: again, to: gateway).status == .forbidden)
            let refused = await send(.get, "/v1/products", token: ann, to: gateway)
            #expect(refused.status == .tooManyRequests)
            #expect(refused.headers[RESTHeaders.rateLimit] == #""identity-reads";r=0;t=60"#)
            #expect(await send(.get, "/v1/orders", token: bob, to: gateway).status == .serviceUnavailable)
            #expect(await send(.get, "/v1/products", to: gateway).status == .serviceUnavailable)
        }
    }

    @Test("tokens that are not valid count for the address, and then no token of it is verified for a while")
    func forged() async throws {
        let ann = try await fixture.issuer.userToken("ann", scopes: [], lifetime: .seconds(600))
        try await withGateway(Self.limits(2, of: .rejectedTokens)) { gateway in
            for token in ["forged", "forged.too.much"] {
                #expect(await send(.get, "/v1/products", token: ann, to: gateway).status == .serviceUnavailable)
                let rejected = await send(.get, "/v1/products", token: token, to: gateway)
                #expect(rejected.status == .unauthorized)
                #expect(rejected.headers[RESTHeaders.rateLimitPolicy] == #""rejected-tokens";q=2;w=60"#)
            }
            for token in ["forged", ann] {
                let refused = await send(.get, "/v1/products", token: token, to: gateway)
                #expect(refused.status == .tooManyRequests)
                #expect(refused.headers[.retryAfter] == "60")
            }
            #expect(await send(.get, "/v1/products", to: gateway).status == .serviceUnavailable)
            fixture.time.advance(by: .seconds(60))
            #expect(await send(.get, "/v1/products", token: ann, to: gateway).status == .serviceUnavailable)
        }
    }

    @Test("refusals of one caller are no overload of the service: others reach it")
    func throttle() async throws {
        let ann = try await fixture.issuer.userToken("ann", scopes: [], lifetime: .seconds(600))
        try await withGateway(Self.limits(1, of: .anonymousReads)) { gateway in
            for number in 0..<100 {
                let expected: HTTPResponse.Status = number == 0 ? .serviceUnavailable : .tooManyRequests
                #expect(await send(.get, "/v1/products", to: gateway).status == expected)
            }
            for _ in 0..<10 {
                #expect(await send(.get, "/v1/products", token: ann, to: gateway).status == .serviceUnavailable)
            }
        }
    }

    @Test("what no service gets has one limit by address, with any token: 404, 405, OPTIONS, the document")
    func unrouted() async throws {
        let ann = try await fixture.issuer.userToken("ann", scopes: [], lifetime: .seconds(600))
        let requests: [(HTTPRequest.Method, String, HTTPResponse.Status)] = [
            (.get, "/v1/nothing", .notFound), (.delete, "/v1/orders", .methodNotAllowed),
            (.options, "/v1/orders", .methodNotAllowed), (.options, "*", .notFound), (.get, "/openapi.json", .ok),
            (.head, "/openapi.json", .ok), (.get, "/metrics", .notFound), (.post, "/livez", .methodNotAllowed),
            (.get, "/v1/products/%ff", .badRequest),
        ]
        try await withGateway(Self.limits(requests.count, of: .unroutedRequests)) { gateway in
            for (number, (verb, path, status)) in requests.enumerated() {
                let response = await send(verb, path, token: number.isMultiple(of: 2) ? ann : nil, to: gateway)
                #expect(response.status == status, "\(verb) \(path)")
                let remaining = requests.count - number - 1
                #expect(response.headers[RESTHeaders.rateLimit] == #""unrouted-requests";r=\#(remaining);t=60"#)
                #expect(response.headers[RESTHeaders.rateLimitPolicy] == #""unrouted-requests";q=9;w=60"#)
            }
            for (verb, path, _) in requests {
                let refused = await send(verb, path, token: ann, to: gateway)
                #expect(refused.status == .tooManyRequests, "\(verb) \(path)")
                #expect(refused.headers[.retryAfter] == "60")
                #expect(refused.headers[RESTHeaders.rateLimit] == #""unrouted-requests";r=0;t=60"#)
            }
            // Health has no limit, and methods have their own.
            for path in ["/livez", "/readyz"] {
                for verb in [HTTPRequest.Method.get, .head] {
                    let health = await send(verb, path, to: gateway)
                    #expect(health.status != .tooManyRequests && health.headers[RESTHeaders.rateLimit] == nil)
                }
            }
            #expect(await send(.get, "/v1/products", to: gateway).status == .serviceUnavailable)
            #expect(await send(.get, "/v1/products", token: ann, to: gateway).status == .serviceUnavailable)
            fixture.time.advance(by: .seconds(60))
            #expect(await send(.get, "/v1/nothing", to: gateway).status == .notFound)
        }
        let text = MetricsText.exposition(of: [metrics])
        #expect(text.contains(#"martlet_rate_limited_total{service="gateway",class="unrouted-requests"} 9"#))
    }

    @Test("a request for another system is refused as before, and counts")
    func otherSystem() async throws {
        let limits = Self.limits(1, of: .unroutedRequests)
        let system = try #require(SystemName("shop"))
        try await fixture.withGateway(instances: [:], system: system, callers: limits, metrics: metrics) { gateway in
            let headers: HTTPFields = [RESTHeaders.system: "other"]
            for expected in [HTTPResponse.Status.serviceUnavailable, .tooManyRequests] {
                let request = GatewayFixture.request(.get, "/v1/products", headers: headers)
                let response = await gateway.answer(request, on: nil)
                #expect(response.status == expected)
                #expect(response.headers[RESTHeaders.rateLimit] == #""unrouted-requests";r=0;t=60"#)
            }
        }
    }

    @Test("without a limit there are no headers; reads without a token are no requests without a route")
    func unlimited() async throws {
        try await withGateway(.none) { gateway in
            for _ in 0..<100 {
                let response = await send(.post, "/v1/carts", to: gateway)
                #expect(response.status == .serviceUnavailable)
                #expect(response.headers[RESTHeaders.rateLimit] == nil)
            }
        }
        try await withGateway(Self.limits(1, of: .anonymousReads)) { gateway in
            for path in ["/openapi.json", "/v1/nothing", "/openapi.json", "/v1/nothing"] {
                let response = await send(.get, path, to: gateway)
                #expect(response.status != .tooManyRequests)
                #expect(response.headers[RESTHeaders.rateLimitPolicy] == #""unrouted-requests";q=30000;w=60"#)
            }
        }
    }
}

@Suite("Caller of the gateway")
struct GatewayCallerTests {
    @Test("without a token it is its address, or its /64; no subject is an address")
    func names() throws {
        func name(_ address: String) throws -> ExactText {
            let parsed: IPAddress = try #require(IPAddress(address))
            return GatewayCaller(address: parsed).name
        }
        #expect(try name("203.0.113.7") == "address 203.0.113.7")
        #expect(try name("203.0.113.7") != name("203.0.113.8"))
        #expect(try name("::ffff:203.0.113.7") == name("203.0.113.7"))
        #expect(try name("2001:db8::1") == name("2001:db8::2"))
        #expect(try name("2001:db8::1") != name("2001:db8:0:1::1"))
        #expect(GatewayCaller(address: nil).name == "address unknown")
        #expect(GatewayCaller(address: nil).principal == .anonymous)
        let user = Principal(user: "address 203.0.113.7", scopes: [])
        #expect(GatewayCaller(user).name == "identity address 203.0.113.7")
        #expect(GatewayCaller(user).principal == user)
    }
}

@Suite("Settings of the gateway")
struct CallerSettingsTests {
    private static func read(_ arguments: [String]) throws -> CallerSettings {
        try Config.read(program: "gatewayd", arguments: arguments, environment: [:]) { CallerSettings(&$0) }
    }

    @Test("the limits have defaults, and each a flag")
    func limits() throws {
        let standard = try Self.read([])
        for limit in LimitClass.allCases { #expect(standard.limits[limit] == CallerLimits.standard(limit)) }
        #expect(standard.limits.burstPercent == 25 && standard.limits.callersMax == 65_536)
        let set = try Self.read(["--anonymous-creations-per-minute=0", "--burst-percent", "100"])
        #expect(set.limits[.anonymousCreations] == 0 && set.limits.burstPercent == 100)
        #expect(throws: ConfigFaults.self) { try Self.read(["--anonymous-writes-per-minute", "10000001"]) }
    }

    @Test("a proxy that cannot be read is a fault, and not ignored")
    func proxies() throws {
        let peer = IPAddress("10.0.0.1")
        var headers = HTTPFields()
        headers[try #require(HTTPField.Name("forwarded"))] = "for=192.0.2.1"
        let settings = try Self.read(["--trusted-proxies", "10.0.0.0/8, ::1", "--forwarded-header", "forwarded"])
        #expect(settings.addresses.address(of: headers, peer: peer) == IPAddress("192.0.2.1"))
        #expect(try Self.read([]).addresses.address(of: headers, peer: peer) == peer)
        for wrong in ["10.0.0.1/8", "proxy", "10.0.0.0/8,"] {
            let faults = try #require(throws: ConfigFaults.self) { try Self.read(["--trusted-proxies", wrong]) }
            #expect("\(faults)".contains("'\(wrong)' must be addresses or networks"))
        }
    }
}
