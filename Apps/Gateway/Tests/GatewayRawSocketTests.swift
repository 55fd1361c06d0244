import HTTPTypes
import MartletContract
import MartletCore
import MartletDiscovery
import MartletHTTP
import MartletREST
import MartletTesting
import NIOCore
import Synchronization
import Testing

@testable import Gateway

@Suite("Gateway and endpoints beside contracts", .timeLimit(.minutes(HangLimit.testMinutes)))
struct GatewayRawSocketTests {
    /// Notes what arrives, and sets two cookies.
    private final class HooksService: Sendable {
        let heads = Mutex<[HTTPRequest]>([])
        let bodies = Mutex<[[UInt8]]>([])

        func response(to request: ServerRequest) async -> ServerResponse {
            heads.withLock { $0.append(request.head) }
            var body: [UInt8] = []
            do {
                for try await piece in request.body { body += piece }
            } catch { return .text("\(error)", status: .badRequest) }
            bodies.withLock { $0.append(body) }
            var response = ServerResponse.redirect(to: "/done")
            for name in ["a", "b"] {
                if let cookie = SetCookie(name, "1") { response.add(cookie) }
            }
            return response
        }
    }

    let fixture: GatewayFixture
    private let service = HooksService()
    static let table = [
        RoutedMethod(service: "hooks", raw: RawRoute(.post, "/hooks/{sender}", users: .anybody, bodyBytesMax: 100)),
        RoutedMethod(service: "hooks", raw: RawRoute(.post, "/own", users: .scope("hooks"), bodyBytesMax: 100)),
    ]

    init() async throws { fixture = try await GatewayFixture() }

    private func withGateway(_ body: (GatewayResponder) async throws -> Void) async throws {
        let server = fixture.listener { [service] request, _ in await service.response(to: request) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            defer { group.cancelAll() }
            let address = Address(host: "127.0.0.1", port: try await server.boundPort())
            let instance = Instance(id: "hooks-1", http: address, grpc: nil, operate: nil)
            try await fixture.withGateway(Self.table, instances: ["hooks": [instance]], body)
        }
    }

    @Test(
        "a request arrives with its bytes, its query and the headers of its sender, and the response with its cookies"
    )
    func forwarded() async throws {
        let text = "{ \"a\": 1 }\n"
        var headers: HTTPFields = [
            .contentLength: "\(text.utf8.count)", .contentType: "application/json", .cookie: "s=1",
        ]
        let signature = try #require(HTTPField.Name("X-Signature"))
        let hop = try #require(HTTPField.Name("X-Hop"))
        let address = try #require(HTTPField.Name("X-Forwarded-For"))
        headers[signature] = "t=1,v1=2"
        headers[hop] = "1"
        headers[address] = "192.0.2.1"
        headers[.connection] = "close, X-Hop"
        let request = GatewayFixture.request(.post, "/hooks/a%20b?x=1", headers: headers, body: RequestBody(text.utf8))
        try await withGateway { gateway in
            let response = await gateway.answer(request, on: nil)
            #expect(response.status == .seeOther)
            #expect(response.headers[.location] == "/done")
            #expect(response.headers[values: .setCookie].count == 2)
        }
        #expect(service.bodies.withLock { $0 } == [Array(text.utf8)])
        let head = try #require(service.heads.withLock { $0.first })
        #expect(head.path == "/hooks/a%20b?x=1")
        #expect(head.headerFields[signature] == "t=1,v1=2")
        #expect(head.headerFields[.cookie] == "s=1")
        #expect(head.headerFields[.contentType] == "application/json")
        #expect(head.headerFields[hop] == nil && head.headerFields[address] == nil)
        #expect(head.headerFields[.contentLength] == "\(text.utf8.count)")
        #expect(head.headerFields[values: RESTHeaders.requestID].count == 1)
    }

    @Test("who may not call it, and what is too large, is not forwarded")
    func refused() async throws {
        try await withGateway { gateway in
            let anonymous = await gateway.answer(GatewayFixture.request(.post, "/own"), on: nil)
            #expect(anonymous.status == .unauthorized)
            let large = GatewayFixture.request(.post, "/hooks/a", headers: [.contentLength: "101"])
            #expect(await gateway.answer(large, on: nil).status == .contentTooLarge)
            #expect(await gateway.answer(GatewayFixture.request(.get, "/hooks/a"), on: nil).status == .methodNotAllowed)
        }
        #expect(service.heads.withLock { $0 }.isEmpty)
    }
}
