import Foundation
import HTTPTypes
import Logging
import MartletContract
import MartletCore
import MartletHTTP
import MartletREST
import MartletTelemetry
import MartletTestContract
import MartletTesting
import NIOCore
import Synchronization
import Testing

@Suite("REST responder")
struct RESTResponderTests {
    let time = ManualTime()
    let handler: ParcelHandler
    let responder: RESTResponder
    let records: Records

    final class Records: Sendable {
        private let all = Mutex<[RequestRecord]>([])

        var values: [RequestRecord] { all.withLock { $0 } }

        func add(_ record: RequestRecord) { all.withLock { $0.append(record) } }
    }

    init() throws { try self.init(system: nil) }

    private init(system: String?, tracer: ServiceTracer? = nil) throws {
        let records = Records()
        self.records = records
        handler = ParcelHandler(time: time)
        let limits = RESTLimits(bodyBytesMax: 1_000, timeout: .seconds(10), timeoutMax: .seconds(60))
        var responder = try RESTResponder(
            contracts: [.parcel(handler, on: NoPlatform())],
            authenticate: Self.authenticate,
            limits: limits,
            runtime: Runtime(time: time, seed: 1),
            log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            observe: { records.add($0) }
        )
        responder.system = system
        if let tracer { responder.tracer = tracer }
        responder.add("/livez") { _ in ServerResponse(status: .ok) }
        self.responder = responder
    }

    /// Accepts `Bearer <id> <scope> <scope>`, and `Bearer service <name>`.
    static let authenticate: RESTResponder.Authenticate = { headers, _ in
        guard let header = headers[.authorization] else { return .anonymous }
        let parts = header.split(separator: " ").map { String($0) }
        guard parts.count > 1, parts[0] == "Bearer", parts[1] != "forged" else {
            throw Fault(.unauthenticated, .unauthenticated, "the token is not valid")
        }
        if parts[1] == "service" { return Principal(service: ExactText(parts[2]), for: .guest) }
        return Principal(user: ExactText(parts[1]), scopes: Set(parts.dropFirst(2).map(ExactText.init(_:))))
    }

    struct Answer {
        let status: Int
        let headers: HTTPFields
        let text: String
        let json: [String: any Sendable]

        subscript(_ name: String) -> String? { json[name] as? String }
        var fields: [String] { (json["violations"] as? [[String: String]] ?? []).compactMap { $0["field"] } }
    }

    private func send(
        _ method: HTTPRequest.Method,
        _ path: String,
        body: String? = nil,
        token: String? = "anna parcels:write parcels:read",
        headers: [(String, String)] = [],
        keys: [String] = []
    ) async throws -> Answer {
        var fields = HTTPFields()
        if let token { fields[.authorization] = "Bearer \(token)" }
        if body != nil { fields[.contentType] = "application/json" }
        for (name, value) in headers { fields[try #require(HeaderName(name))] = value }
        for key in keys { fields.append(HTTPFields.Element(name: RESTHeaders.idempotencyKey, value: key)) }
        if let body { fields[.contentLength] = "\(body.utf8.count)" }
        let request = ServerRequest(
            head: HTTPRequest(
                method: method,
                scheme: "http",
                authority: "localhost",
                path: path,
                headerFields: fields
            ),
            body: RequestBody((body ?? "").utf8)
        )
        let response = await responder.answer(request, on: nil)
        let text = try await CollectedBody.text(of: response)
        let tree = try? JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: any Sendable]
        return Answer(status: Int(response.status.code), headers: response.headers, text: text, json: tree ?? [:])
    }

    @Test(
        "a service states for whom it speaks, and is judged by its entry in the contract",
        arguments: [
            ("service labels", ["user anna"], 200), ("service labels", [], 403), ("service labels", ["itself"], 403),
            ("service labels", ["guest"], 403), ("service labels", ["anna"], 403),
            ("service others", ["user anna"], 403),
            ("anna parcels:read", ["itself"], 200), ("anna parcels:write", ["user anna"], 403),
        ]
    )
    func services(token: String, parties: [String], status: Int) async throws {
        let headers = parties.map { ("martlet-speaks-for", $0) }
        #expect(try await send(.get, "/v1/parcels", token: token, headers: headers).status == status)
    }

    @Test("refuses requests for another system, on every path, and states its own to those who ask")
    func system() async throws {
        for system in ["one", nil] {
            let fixture = try RESTResponderTests(system: system)
            for path in ["/v1/parcels/p1", "/livez", "/openapi.json", "/nowhere"] {
                let own = try await fixture.send(.get, path, headers: [("x-martlet-system", "one")])
                #expect(own.status != 503, "\(path)")
                #expect(own.headers[RESTHeaders.system] == system, "\(path)")
                let silent = try await fixture.send(.get, path)
                #expect(silent.status == own.status, "\(path)")
                #expect(silent.headers[RESTHeaders.system] == nil, "\(path)")
                let other = try await fixture.send(.get, path, headers: [("x-martlet-system", "two")])
                #expect(other.status == (system == nil ? own.status : 503), "\(path)")
                #expect(other.headers[RESTHeaders.system] == system, "\(path)")
            }
        }
        let fixture = try RESTResponderTests(system: "one")
        let write = try await fixture.send(
            .put,
            "/v1/parcels/p1",
            body: Self.validBody,
            headers: [("Idempotency-Key", "k-1"), ("x-martlet-system", "two")]
        )
        #expect(write.status == 503)
        #expect(fixture.handler.last == nil)
    }

    @Test("a request is a span by its route, without its path, within the caller's trace, whose state is passed on")
    func span() async throws {
        let spans = RecordedSpans(of: "parcels", runtime: Runtime(time: ManualTime(), seed: 2))
        let fixture = try RESTResponderTests(system: nil, tracer: spans.tracer)
        let caller = spans.caller
        let headers = [("traceparent", caller.traceparent), ("tracestate", "v=1")]
        _ = try await fixture.send(.put, "/v1/parcels/p1", body: Self.validBody, headers: headers, keys: ["k"])
        let span = try #require(spans.take().first)
        #expect(span.kind == .server)
        #expect(span.parent == caller.spanBits)
        #expect(span.name == "PUT \(span.text(.httpRoute) ?? "")")
        #expect(span.text(.httpResponseStatusCode) == "200")
        #expect(!"\(span)".contains("p1"))
        #expect(fixture.handler.last?.trace == span.trace)
        #expect(span.trace.state.text == "v=1")

        _ = try await fixture.send(.get, "/livez", headers: headers)
        #expect(spans.take().isEmpty)
        _ = try await fixture.send(.get, "/nowhere/anna", headers: headers)
        #expect(spans.take().map(\.name) == ["GET"])
    }

    @Test("a write returns the handler's response; the handler gets principal, key, trace and deadline")
    func write() async throws {
        let answer = try await send(
            .put,
            "/v1/parcels/p1",
            body: Self.validBody,
            headers: [
                ("Idempotency-Key", "k-1"), ("x-request-id", "r-1"), ("x-request-timeout", "1500"), ("X-Color", "red"),
                ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"),
            ]
        )
        #expect(answer.status == 200)
        #expect(answer.text == #"{"items":1,"by":"anna"}"#)
        #expect(answer.headers[RESTHeaders.requestID] == "r-1")
        let context = try #require(handler.last)
        #expect(context.idempotencyKey == "k-1")
        #expect(context.deadline == time.now + .milliseconds(1_500))
        #expect(context.trace?.traceID == "0af7651916cd43dd8448eb211c80319c")
        #expect(context.trace?.spanID != "b7ad6b7169203331")
        #expect(context.metadata["x-color"] == "red")
        #expect(context.metadata["authorization"] == nil)
    }

    @Test("a read needs no token where the contract requires none")
    func open() async throws {
        let answer = try await send(.get, "/v1/parcels/a%20b", token: nil)
        #expect(answer.status == 200)
        #expect(answer.text.hasPrefix(#"{"parcel":{"parcel_id":"a b","#))
        #expect(handler.last?.idempotencyKey == nil)
        #expect(answer.headers[RESTHeaders.requestID]?.count == 36)
    }

    @Test("binds additional paths, custom verbs, queries and a body that is one field")
    func binding() async throws {
        #expect(try await send(.post, "/v1/shelves/a/parcels/p1", body: Self.validBody).status == 200)
        #expect(try await send(.post, "/v1/parcels/p:1:send").text == #"{"parcel_id":"p:1"}"#)
        let list = try await send(.get, "/v1/parcels?page.size=3&labels=a&labels=b")
        #expect(list.text.contains(#""page":{"size":3,"token":""}"#) && list.text.contains(#""labels":["a","b"]"#))
        let parcel = #"{"items":[{"name":"cup","quantity":1}],"size":"SIZE_SMALL"}"#
        let create = try await send(.post, "/v1/parcels", body: parcel, headers: [("Idempotency-Key", "k")])
        #expect(create.status == 200 && create.text.contains(#""size":"SIZE_SMALL""#))
    }

    @Test(
        "a body keeps characters of every plane in every field, escaped or not",
        arguments: 1...16 as ClosedRange<UInt32>
    )
    func planes(_ plane: UInt32) async throws {
        let text = String(Character(try #require(Unicode.Scalar(plane << 16 | 0x0BB7))))
        let escaped = text.utf16.map { "\\u" + String($0, radix: 16) }.joined()
        func parcel(_ text: String) -> String {
            #"{"parcel_id":"\#(text)","shelf":"x\#(text)","items":[{"name":"\#(text)y","quantity":1}],"#
                + #""size":"SIZE_SMALL","person":"\#(text)"}"#
        }
        for body in [parcel(text), parcel(escaped)] {
            let create = try await send(.post, "/v1/parcels", body: body, headers: [("Idempotency-Key", "k")])
            #expect(create.status == 200)
            for field in ["parcel_id\":\"\(text)", "shelf\":\"x\(text)", "name\":\"\(text)y", "person\":\"\(text)"] {
                #expect(Data(create.text.utf8).range(of: Data("\"\(field)\"".utf8)) != nil, "\(field)")
            }
        }
    }

    private static let zeros = String(repeating: "0", count: 40)
    static let validBody = #"{"items":[{"name":"cup","quantity":1}]}"#
    static func body(onShelf shelf: String) -> String {
        #"{"shelf":"\#(shelf)","items":[{"name":"cup","quantity":1}]}"#
    }

    @Test("bad input gets a problem that names the field", arguments: BadRequest.all)
    func problems(_ bad: BadRequest) async throws {
        let answer = try await send(bad.method, bad.path, body: bad.body, token: bad.token, headers: bad.headers)
        #expect(answer.status == bad.status)
        #expect(answer.headers[.contentType] == "application/problem+json")
        #expect(answer["reason"] == bad.reason)
        #expect(answer["type"] == "/problems/\(bad.reason)")
        #expect(answer.json["status"] as? Int == bad.status)
        #expect(answer["instance"] == answer.headers[RESTHeaders.requestID])
        #expect(answer.fields == bad.fields)
        if let field = bad.fields.first { #expect(answer["detail"]?.hasPrefix(field) == true) }
        #expect(answer.text.contains("hunter2") == false)
        #expect(records.values.map(\.status) == [bad.status])
    }

    @Test("problems have WWW-Authenticate, Allow or Retry-After")
    func hints() async throws {
        #expect(
            try await send(.put, "/v1/parcels/p1", body: Self.validBody, token: nil).headers[.wwwAuthenticate]
                == "Bearer"
        )
        #expect(try await send(.delete, "/v1/parcels/p1").headers[.allow] == "GET, HEAD, PUT")
        #expect(try await send(.post, "/livez").headers[.allow] == "GET, HEAD")
        #expect(try await send(.put, "/v1/parcels/p1", body: Self.body(onShelf: "away")).headers[.retryAfter] == "3")
    }

    @Test("two keys for one write are refused")
    func twoKeys() async throws {
        let answer = try await send(.put, "/v1/parcels/p1", body: Self.validBody, keys: ["a", "b"])
        #expect(answer.status == 400)
        #expect(answer.fields == ["Idempotency-Key"])
        #expect(answer.text.contains("must be given once"))
    }

    @Test("HEAD responds like GET without the body", arguments: ["/v1/parcels/p1", "/v1/nothing", "/openapi.json"])
    func head(_ path: String) async throws {
        let (head, get) = (try await send(.head, path), try await send(.get, path))
        #expect(head.status == get.status)
        #expect(head.headers[.contentType] == get.headers[.contentType])
        #expect(head.text.isEmpty && !get.text.isEmpty)
    }

    @Test("504 after the caller's timeout")
    func deadline() async throws {
        async let answer = send(
            .put,
            "/v1/parcels/p1",
            body: Self.body(onShelf: "slow"),
            headers: [("x-request-timeout", "200")]
        )
        await time.waitForSleepers(2)
        time.advance(by: .milliseconds(200))
        let late = try await answer
        #expect(late.status == 504)
        #expect(late["reason"] == "deadline_exceeded")
    }

    @Test("limits the caller's timeout", arguments: ["86400000", "9223372036854775808", "00001000000", "1\(zeros)"])
    func timeoutLimit(_ timeout: String) async throws {
        _ = try await send(.get, "/v1/parcels/p1", headers: [("x-request-timeout", timeout)])
        #expect(handler.last?.deadline == time.now + .seconds(60))
    }

    @Test("streams one JSON object per line")
    func stream() async throws {
        let answer = try await send(.get, "/v1/parcels/p1:watch?number=2")
        #expect(answer.headers[.contentType] == "application/x-ndjson")
        #expect(answer.text == "{\"number\":1}\n{\"number\":2}\n")
    }

    @Test("a failed stream ends with its problem")
    func brokenStream() async throws {
        let answer = try await send(.get, "/v1/parcels/breaks:watch?number=3", headers: [("x-request-id", "r")])
        #expect(
            answer.text == "{\"number\":1}\n{\"problem\":{\"status\":503,\"detail\":\"the shelf became unavailable\","
                + "\"instance\":\"r\",\"reason\":\"unavailable\"}}\n"
        )
    }

    @Test("records the route template and the verb, without labels from the caller")
    func record() async throws {
        _ = try await send(.put, "/v1/parcels/p1", body: Self.body(onShelf: "full"))
        _ = try await send(HTTPRequest.Method("BREW") ?? .get, "/v1/coffee")
        #expect(records.values.map(\.route) == ["/v1/parcels/{parcel_id}", ""])
        #expect(records.values.map(\.verb) == ["PUT", "OTHER"])
        #expect(records.values.map(\.reason) == ["parcel.shelf_full", "request.unknown_path"])
    }

    @Test("serves the OpenAPI document and added paths, without a record")
    func plain() async throws {
        let document = try await send(.get, "/openapi.json", token: nil)
        #expect(document["openapi"] == "3.1.0")
        #expect(document.text.contains("/v1/parcels/{parcel_id}:send"))
        #expect(try await send(.get, "/livez", token: nil).status == 200)
        #expect(records.values.isEmpty)
    }

    @Test(
        "replaces an invalid request id",
        arguments: ["", "a b", String(repeating: "x", count: 65)]
    )
    func requestID(_ id: String) async throws {
        let answer = try await send(.get, "/v1/parcels/p1", headers: [("x-request-id", id)])
        #expect(answer.headers[RESTHeaders.requestID] != id)
    }
}
