import Foundation
import HTTPTypes
import MartletContract
import MartletCore
import MartletDiscovery
import MartletHTTP
import MartletREST
import MartletSecurity
import MartletTelemetry
import MartletTesting
import NIOCore
import Testing

@testable import Gateway

@Suite("Gateway")
struct GatewayTests {
    let fixture: GatewayFixture

    init() async throws { fixture = try await GatewayFixture() }

    @Test("responds 503 with Retry-After for a service without an instance, or with none that listens")
    func unavailable() async throws {
        for instances in [
            [], [Instance(id: "catalog-1", http: Address(host: "127.0.0.1", port: 1), grpc: nil, operate: nil)],
        ] {
            let response = try await fixture.send(.get, "/v1/products", instances: ["catalog": instances])
            #expect(response.status == .serviceUnavailable)
            #expect(response.headers[.retryAfter] == "1")
        }
    }

    @Test("rejects an expired token and a missing scope")
    func tokens() async throws {
        let token = try await fixture.issuer.userToken("ann", scopes: ["orders:read"], lifetime: .seconds(60))
        #expect(try await fixture.send(.get, "/v1/orders", token: token).status == .serviceUnavailable)
        #expect(try await fixture.send(.post, "/v1/orders", token: token).status == .forbidden)
        #expect(try await fixture.send(.get, "/v1/orders").status == .unauthorized)
        fixture.time.advance(by: .seconds(100))
        #expect(try await fixture.send(.get, "/v1/orders", token: token).status == .unauthorized)
    }

    @Test("rejects the token of a service, which is for one callee, also where no token is needed")
    func serviceTokens() async throws {
        for callee in ["carts", "gateway", LocalIssuer.audience] {
            let token = try await fixture.issuer.serviceToken("orders", to: callee, lifetime: .seconds(60))
            for path in ["/v1/orders", "/v1/products"] {
                #expect(try await fixture.send(.get, path, token: token).status == .unauthorized)
            }
        }
    }

    @Test("rejects a body over the limit by its Content-Length")
    func body() async throws {
        let response = try await fixture.send(.post, "/v1/carts", headers: [.contentLength: "2097153"])
        #expect(response.status == .contentTooLarge)
        #expect(response.headers[.contentType] == "application/problem+json")
    }

    @Test("responds 405 with Allow, and 404 for an unknown path")
    func methods() async throws {
        let response = try await fixture.send(.delete, "/v1/orders")
        #expect(response.status == .methodNotAllowed)
        #expect(response.headers[.allow] == "GET, HEAD, POST")
        #expect(try await fixture.send(.get, "/v1/mugs").status == .notFound)
        let livez = try await fixture.send(.post, "/livez")
        #expect(livez.status == .methodNotAllowed)
        #expect(livez.headers[.allow] == "GET, HEAD")
    }

    @Test(
        "responds to HEAD as to GET without the body",
        arguments: ["/livez", "/openapi.json", "/v1/products", "/v1/mugs"]
    )
    func head(_ path: String) async throws {
        let (head, get) = (try await fixture.send(.head, path), try await fixture.send(.get, path))
        #expect(head.status == get.status)
        #expect(head.headers[.contentLength] == get.headers[.contentLength])
        #expect(get.body.length != 0)
        #expect(head.body.length == 0)
    }

    @Test("a slow upload ends at the timeout of the request")
    func slowBody() async throws {
        let (pieces, _) = AsyncThrowingStream.makeStream(of: ByteBuffer.self)
        async let response = fixture.send(
            .post,
            "/v1/carts",
            headers: [.contentLength: "2", RESTHeaders.requestTimeout: "500"],
            body: RequestBody(pieces: pieces)
        )
        await fixture.time.waitForSleepers(1)
        fixture.time.advance(by: .milliseconds(500))
        #expect(try await response.status == .gatewayTimeout)
    }

    @Test("counts requests by path template, service and status; no label comes from the caller")
    func metrics() async throws {
        let metrics = MetricsRegistry(service: "gateway")
        _ = try await fixture.send(.get, "/v1/products/MUG", metrics: metrics)
        _ = try await fixture.send(HTTPRequest.Method("BREW") ?? .get, "/v1/coffee", metrics: metrics)
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

    @Test("one document has the operations of every service, and nothing else")
    func documented() throws {
        let document = try JSONDecoder().decode(Document.self, from: Data(try GatewayOpenAPI.joined().utf8))
        for routed in GatewayRoutes.all {
            for rule in routed.method.http {
                let operation = document.paths[rule.path]?[rule.verb.rawValue.lowercased()]
                let id = try #require(operation?.operationId, "\(rule.verb) \(rule.path)")
                #expect(id.contains("_\(routed.method.name)"), "\(rule.verb) \(rule.path)")
                #expect(operation?.tags.map { $0.lowercased() } == [routed.service], "\(rule.verb) \(rule.path)")
            }
        }
        let rules = GatewayRoutes.all.flatMap(\.method.http)
        #expect(document.paths.values.map(\.count).reduce(0, +) == rules.count)
        #expect(Set(document.tags.map { $0.name.lowercased() }) == Set(GatewayRoutes.all.map(\.service)))
        let info = Document.Info(title: "Martlet", version: "v1", description: GatewayOpenAPI.description)
        #expect(document.info == info)
    }

    /// What these tests read of an OpenAPI document.
    private struct Document: Decodable {
        struct Info: Decodable, Equatable {
            let title: String
            let version: String
            let description: String
        }
        struct Tag: Decodable {
            let name: String
        }
        struct Operation: Decodable {
            let operationId: String
            let tags: [String]
        }
        let info: Info
        let tags: [Tag]
        let paths: [String: [String: Operation]]
    }
}
