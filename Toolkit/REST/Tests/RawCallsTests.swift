import Logging
import MartletContract
import MartletCore
import MartletHTTP
import MartletREST
import MartletTestContract
import MartletTesting
import Synchronization
import Testing

@Suite("Endpoints beside contracts")
struct RawCallsTests {
    let time = ManualTime()
    let seen = Seen()

    final class Seen: Sendable {
        private let all = Mutex<[RawRequest]>([])

        var last: RawRequest? { all.withLock { $0.last } }
        var count: Int { all.withLock { $0.count } }

        func add(_ request: RawRequest) { all.withLock { $0.append(request) } }
    }

    private func responder(_ raw: [ServedRaw]) throws -> RESTResponder {
        try RESTResponder(
            contracts: [.parcel(ParcelHandler(time: time), on: NoPlatform())],
            raw: raw,
            authenticate: RESTResponderTests.authenticate,
            limits: RESTLimits(bodyBytesMax: 10, timeout: .seconds(10), timeoutMax: .seconds(60)),
            runtime: Runtime(time: time, seed: 1),
            log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
    }

    private func hook(users: AccessPolicy.Users = .anybody) -> ServedRaw {
        let seen = seen
        return ServedRaw(RawRoute(.post, "/hooks/{sender}", users: users, bodyBytesMax: 20)) { request in
            seen.add(request)
            return .redirect(to: "/done")
        }
    }

    private func send(
        _ method: HTTPRequest.Method,
        _ path: String,
        body: String = "",
        headers: HTTPFields = [:],
        to responder: RESTResponder
    ) async -> ServerResponse {
        let head = HTTPRequest(method: method, scheme: nil, authority: nil, path: path, headerFields: headers)
        return await responder.answer(ServerRequest(head: head, body: RequestBody(body.utf8)), on: nil)
    }

    @Test("a handler gets the bytes as they were sent, with all headers, and answers as it likes")
    func bytes() async throws {
        let responder = try responder([hook()])
        let response = await send(
            .post,
            "/hooks/a%20b?x=1",
            body: "{ \"a\":1 }\n",
            headers: [.cookie: "s=1", RESTHeaders.requestID: "r-1", .contentType: "application/json"],
            to: responder
        )
        #expect(response.status == .seeOther)
        #expect(response.headers[.location] == "/done")
        #expect(response.headers[RESTHeaders.requestID] == "r-1")
        let request = try #require(seen.last)
        #expect(request.body == Array("{ \"a\":1 }\n".utf8))
        #expect(request.variable("sender") == "a b")
        #expect(request.query == "x=1")
        #expect(request.cookie("s") == "1")
        #expect(request.id == "r-1")
        #expect(request.principal == .anonymous)
        #expect(request.deadline == time.now + .seconds(10))
    }

    @Test("its body has a limit of its own, which is not that of contracts")
    func limit() async throws {
        let responder = try responder([hook()])
        #expect(
            await send(.post, "/hooks/a", body: String(repeating: "x", count: 20), to: responder).status == .seeOther
        )
        let refused = await send(.post, "/hooks/a", body: String(repeating: "x", count: 21), to: responder)
        #expect(refused.status == .contentTooLarge)
        #expect(refused.headers[.contentType] == "application/problem+json")
        #expect(seen.count == 1)
    }

    @Test("its users are anybody or those with a scope; a token that is not valid, or a service's, is refused by both")
    func users() async throws {
        let open = try responder([hook()])
        let closed = try responder([hook(users: .scope("hooks:write"))])
        let other: HTTPFields = [.authorization: "Bearer anna parcels:read"]
        let right: HTTPFields = [.authorization: "Bearer anna hooks:write"]
        let forged: HTTPFields = [.authorization: "Bearer forged x"]
        let service: HTTPFields = [.authorization: "Bearer service labels"]
        #expect(await send(.post, "/hooks/a", to: open).status == .seeOther)
        #expect(await send(.post, "/hooks/a", headers: other, to: open).status == .seeOther)
        #expect(seen.last?.principal.id == "anna")
        #expect(await send(.post, "/hooks/a", headers: forged, to: open).status == .unauthorized)
        #expect(await send(.post, "/hooks/a", headers: service, to: open).status == .forbidden)
        #expect(await send(.post, "/hooks/a", to: closed).status == .unauthorized)
        #expect(await send(.post, "/hooks/a", headers: other, to: closed).status == .forbidden)
        #expect(await send(.post, "/hooks/a", headers: service, to: closed).status == .forbidden)
        #expect(await send(.post, "/hooks/a", headers: right, to: closed).status == .seeOther)
    }

    @Test("a handler that fails or is too slow becomes a problem")
    func problems() async throws {
        let time = time
        let failing = ServedRaw(RawRoute(.post, "/fails", users: .anybody, bodyBytesMax: 0)) { _ in
            throw Fault(.failedPrecondition, "hook.unknown", "is unknown")
        }
        let slow = ServedRaw(RawRoute(.post, "/slow", users: .anybody, bodyBytesMax: 0)) { _ in
            try await time.sleep(for: .seconds(60))
            return ServerResponse(status: .ok)
        }
        let responder = try responder([failing, slow])
        #expect(await send(.post, "/fails", to: responder).status == .conflict)
        async let late = send(.post, "/slow", to: responder)
        await time.waitForSleepers(2)
        time.advance(by: .seconds(10))
        #expect(await late.status == .gatewayTimeout)
    }

    @Test("other methods of its path get 405, and a path of a contract is refused")
    func routes() async throws {
        let response = await send(.get, "/hooks/a", to: try responder([hook()]))
        #expect(response.status == .methodNotAllowed)
        #expect(response.headers[.allow] == "POST")
        let taken = ServedRaw(RawRoute(.put, "/v1/parcels/{id}", users: .anybody, bodyBytesMax: 0)) { _ in
            ServerResponse(status: .ok)
        }
        #expect(throws: Fault.self) { try responder([taken]) }
    }
}
