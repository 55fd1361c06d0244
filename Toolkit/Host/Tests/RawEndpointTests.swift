import MartletContract
import MartletCore
import MartletHTTP
import MartletMessaging
import MartletREST
import MartletSQL
import MartletSQLite
import MartletTesting
import Testing

@testable import MartletHost

/// Counts the calls of a sender that signs its bodies.
private struct HooksService: ServiceBlueprint {
    static let name = "hooks"
    static let migrations = [Migration("hooks", 1, ["CREATE TABLE hooks (body TEXT PRIMARY KEY)"])]

    static let raw = [
        RawEndpoint(.post, "/hooks/sender", users: .anybody, bodyBytesMax: 1 << 16) { request, platform in
            guard let signature = HTTPField.Name("x-signature"), request.headers[signature] == "good" else {
                throw Fault(.permissionDenied, "hook.signature", "the signature is wrong")
            }
            let body = String(decoding: request.body, as: UTF8.self)
            try await platform.database.transaction("hook", deadline: request.deadline) { tx in
                // A repeat has no further effect.
                try tx.run("INSERT INTO hooks (body) VALUES (\(body)) ON CONFLICT (body) DO NOTHING")
            }
            return ServerResponse(status: .noContent)
        }
    ]

    init(on platform: Platform) {}
}

@Suite("Raw endpoints of a blueprint")
struct RawEndpointTests {
    let time = ManualTime()

    private func request(_ headers: HTTPFields) -> RawRequest {
        RawRequest(
            ServerRequest(
                head: HTTPRequest(
                    method: .post,
                    scheme: nil,
                    authority: nil,
                    path: "/hooks/sender",
                    headerFields: headers
                ),
                body: RequestBody([])
            ),
            body: Array("one".utf8),
            variables: [],
            principal: .anonymous,
            id: "r",
            deadline: time.now + .seconds(10)
        )
    }

    @Test("get the service's platform, and answer or throw")
    func served() async throws {
        let database = try SQLiteDatabase.inMemory(time: time)
        let runtime = try await ServiceRuntime(
            HooksService.self,
            on: WordFixture.dependencies(
                database,
                bus: InMemoryBus(time: time),
                runtime: Runtime(time: time, entropy: SeededEntropy(seed: 1))
            )
        )
        let endpoint = try #require(runtime.raw.first)
        #expect(endpoint.route == RawRoute(.post, "/hooks/sender", users: .anybody, bodyBytesMax: 65_536))
        let good: HTTPFields = [try #require(HTTPField.Name("x-signature")): "good"]
        for _ in 0..<2 { #expect(try await endpoint.handle(request(good)).status == .noContent) }
        let fault = await #expect(throws: Fault.self) { _ = try await endpoint.handle(request([:])) }
        #expect(fault?.code == .permissionDenied)
        let count = try await database.read("count") { tx in try tx.run("SELECT body FROM hooks").count }
        #expect(count == 1)
    }
}
