import AsyncHTTPClient
import Foundation
import Hummingbird
import Logging
import MartletContract
import MartletCore
import MartletDiscovery
import MartletHost
import MartletREST
import MartletSecurity
import MartletTelemetry
import MartletTesting
import NIOCore
import Synchronization
import Testing

@testable import Gateway

@Suite("Gateway")
struct GatewayTests {
    let time = ManualTime()
    let entropy = SeededEntropy(seed: 1)
    let folder: TemporaryFolder
    let issuer: LocalIssuer

    init() async throws {
        folder = try TemporaryFolder()
        issuer = try await LocalIssuer(folder: folder.path, algorithm: .edDSA, time: time, entropy: entropy)
    }

    @Test("responds 503 with Retry-After for a service without an instance, or with none that listens")
    func unavailable() async throws {
        for instances in [
            [], [Instance(id: "catalog-1", http: Address(host: "127.0.0.1", port: 1), grpc: nil, operate: nil)],
        ] {
            let response = try await send(.get, "/v1/products", instances: ["catalog": instances])
            #expect(response.status == .serviceUnavailable)
            #expect(response.headers[.retryAfter] == "1")
        }
    }

    @Test("rejects an expired token and a missing scope")
    func tokens() async throws {
        let token = try await issuer.userToken("ann", scopes: ["orders:read"], lifetime: .seconds(60))
        #expect(try await send(.get, "/v1/orders", token: token).status == .serviceUnavailable)
        #expect(try await send(.post, "/v1/orders", token: token).status == .forbidden)
        #expect(try await send(.get, "/v1/orders").status == .unauthorized)
        time.advance(by: .seconds(100))
        #expect(try await send(.get, "/v1/orders", token: token).status == .unauthorized)
    }

    @Test("rejects a body over the limit by its Content-Length")
    func body() async throws {
        let response = try await send(.post, "/v1/carts", headers: [.contentLength: "2097153"])
        #expect(response.status == .contentTooLarge)
        #expect(response.headers[.contentType] == "application/problem+json")
    }

    @Test("responds 405 with Allow, and 404 for an unknown path")
    func methods() async throws {
        let response = try await send(.delete, "/v1/orders")
        #expect(response.status == .methodNotAllowed)
        #expect(response.headers[.allow] == "GET, HEAD, POST")
        #expect(try await send(.get, "/v1/mugs").status == .notFound)
        let livez = try await send(.post, "/livez")
        #expect(livez.status == .methodNotAllowed)
        #expect(livez.headers[.allow] == "GET, HEAD")
    }

    @Test(
        "responds to HEAD as to GET without the body",
        arguments: ["/livez", "/openapi.json", "/v1/products", "/v1/mugs"]
    )
    func head(_ path: String) async throws {
        let (head, get) = (try await send(.head, path), try await send(.get, path))
        #expect(head.status == get.status)
        #expect(head.headers[.contentLength] == get.headers[.contentLength])
        #expect(get.body.contentLength != 0)
        #expect(head.body.contentLength == 0)
    }

    @Test("a slow upload ends at the timeout of the request")
    func slowBody() async throws {
        let (pieces, _) = AsyncStream.makeStream(of: ByteBuffer.self)
        async let response = send(
            .post,
            "/v1/carts",
            headers: [.contentLength: "2", RESTHeaders.requestTimeout: "500"],
            body: RequestBody(asyncSequence: pieces)
        )
        await time.waitForSleepers(1)
        time.advance(by: .milliseconds(500))
        #expect(try await response.status == .gatewayTimeout)
    }

    @Test("rejects most requests of a method that its service rejects with 429, and of no other method")
    func throttled() async throws {
        let service = ThrottlingService()
        let server = RESTServer(service, host: "127.0.0.1", port: 0, limits: .standard, logger: Self.log)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            defer { group.cancelAll() }
            let address = Address(host: "127.0.0.1", port: try await server.boundPort())
            let instance = Instance(id: "catalog-1", http: address, grpc: nil, operate: nil)
            try await withGateway(instances: ["catalog": [instance]]) { gateway in
                service.isThrottling.withLock { $0 = true }
                for _ in 0..<100 {
                    let refusal = await gateway.response(to: Self.request(.get, "/v1/products"))
                    #expect(refusal.status == .tooManyRequests)
                    #expect(refusal.headers[.retryAfter] == "2")
                }
                #expect(service.requests.withLock { $0 } < 30)
                #expect(await gateway.response(to: Self.request(.get, "/v1/products/MUG")).status == .tooManyRequests)

                service.isThrottling.withLock { $0 = false }
                time.advance(by: .seconds(2))
                for _ in 0..<10 {
                    #expect(await gateway.response(to: Self.request(.get, "/v1/products")).status == .ok)
                }
            }
        }
        #expect(service.paths.withLock { $0 } == ["/v1/products", "/v1/products/MUG"])
    }

    @Test("counts requests by path template, service and status; no label comes from the caller")
    func metrics() async throws {
        let metrics = MetricsRegistry(service: "gateway")
        _ = try await send(.get, "/v1/products/MUG", metrics: metrics)
        _ = try await send(HTTPRequest.Method("BREW") ?? .get, "/v1/coffee", metrics: metrics)
        let text = MetricsText.exposition(of: [metrics])
        let counted = text.split(separator: "\n").filter { $0.hasPrefix("martlet_http_requests_total{") }
        #expect(counted.count == 2)
        for label in [#"route="/v1/products/{sku}""#, #"peer="catalog""#, #"status="503""#] {
            #expect(counted.contains { $0.contains(label) && $0.contains(#"method="GET""#) }, "\(label)")
        }
        for label in [#"route="none""#, #"peer="none""#, #"status="404""#] {
            #expect(counted.contains { $0.contains(label) && $0.contains(#"method="OTHER""#) }, "\(label)")
        }
        #expect(!text.contains("coffee") && !text.contains("MUG"))
    }

    @Test("documents every path that it routes")
    func documented() {
        for rule in GatewayRoutes.all.flatMap(\.method.http) {
            #expect(GatewayOpenAPI.document.contains("\"\(rule.path)\": {"), "\(rule.path)")
        }
    }

    private func send(
        _ verb: HTTPRequest.Method,
        _ path: String,
        token: String? = nil,
        headers: HTTPFields = [:],
        body: RequestBody = RequestBody(buffer: ByteBuffer()),
        instances: [String: [Instance]] = [:],
        metrics: MetricsRegistry = MetricsRegistry(service: "gateway")
    ) async throws -> Response {
        var fields = headers
        if let token { fields[.authorization] = "Bearer \(token)" }
        let request = Self.request(verb, path, headers: fields, body: body)
        return try await withGateway(instances: instances, metrics: metrics) { await $0.response(to: request) }
    }

    private static func request(
        _ verb: HTTPRequest.Method,
        _ path: String,
        headers: HTTPFields = [:],
        body: RequestBody = RequestBody(buffer: ByteBuffer())
    ) -> Request {
        Request(
            head: HTTPRequest(method: verb, scheme: nil, authority: nil, path: path, headerFields: headers),
            body: body
        )
    }

    private func withGateway<R>(
        instances: [String: [Instance]],
        metrics: MetricsRegistry = MetricsRegistry(service: "gateway"),
        _ body: (GatewayResponder) async throws -> R
    ) async throws -> R {
        let verifier = TokenVerifier(
            keys: try await KeySet.read(LocalIssuer.keySetPath(in: folder.path)),
            issuer: LocalIssuer.name,
            audience: LocalIssuer.audience,
            leeway: .seconds(30),
            time: time
        )
        let limits = GatewayLimits()
        let http = Upstreams.client(limits)
        let upstreams = Upstreams(
            services: Set(GatewayRoutes.all.map(\.service)),
            registry: StaticRegistry(instances, time: time),
            http: http,
            limits: limits,
            time: time
        )
        let responder = try GatewayResponder(
            upstreams: upstreams,
            authenticator: TokenAuthenticator(verifier: verifier),
            limits: limits,
            readiness: Readiness(),
            metrics: metrics,
            time: time,
            entropy: entropy,
            log: Self.log
        )
        do {
            let result = try await body(responder)
            try await http.shutdown()
            return result
        } catch {
            try await http.shutdown()
            throw error
        }
    }

    private static var log: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }
}

/// A service that responds 429 while a test requires it.
private final class ThrottlingService: HTTPResponder {
    typealias Context = BasicRequestContext

    let isThrottling = Mutex(false)
    let requests = Mutex(0)
    let paths = Mutex<Set<String>>([])

    func respond(to request: Request, context: Context) async throws -> Response {
        requests.withLock { $0 += 1 }
        paths.withLock { _ = $0.insert(request.uri.path) }
        guard isThrottling.withLock({ $0 }) else { return Response(status: .ok) }
        return Response(status: .tooManyRequests, headers: [.retryAfter: "2"])
    }
}
