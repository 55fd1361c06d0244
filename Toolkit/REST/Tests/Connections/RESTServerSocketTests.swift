import HTTPTypes
import HummingbirdCore
import Logging
import MartletCore
import MartletREST
import MartletTesting
import NIOCore
import NIOHTTP1
import ServiceLifecycle
import Testing

@Suite("REST server", .timeLimit(.minutes(HangLimit.testMinutes)))
struct RESTServerSocketTests {
    static let get = "GET / HTTP/1.1\r\nHost: h\r\n"

    struct Broken: Error {}

    private static func server(_ respond: @escaping @Sendable (Request) async -> Response) -> RESTServer {
        RESTServer(
            host: "127.0.0.1",
            port: 0,
            limits: ConnectionLimits.hang(drainBytesMax: 1_000),
            budget: ListenerBudget(ListenerLimits(descriptors: 4_096)),
            time: ManualTime(),
            logger: log,
            respond: { request, _ in await respond(request) }
        )
    }

    private static var log: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }

    private static func text(_ text: String, headers: HTTPFields = [:]) -> Response {
        Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
    }

    /// Runs `body` with the port of a server that responds with `respond`.
    private func serving(
        _ respond: @escaping @Sendable (Request) async -> Response,
        _ body: (Int) async throws -> Void
    ) async throws {
        let server = Self.server(respond)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            defer { group.cancelAll() }
            try await body(try await server.boundPort())
        }
    }

    @Test("a response has its headers and one Date, by the wall clock of the server, and nothing else")
    func head() async throws {
        let date = "Date: Thu, 01 Jan 2026 00:00:00 GMT"
        try await serving({ request in
            // As a gateway copies it from another server.
            Self.text("yes", headers: request.uri.path == "/dated" ? [.date: "Sun, 06 Nov 1994 08:49:37 GMT"] : [:])
        }) { port in
            let own = try await RawConnection.exchange([Self.get + "Connection: close\r\n\r\n"], with: port)
            #expect(own == "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\(date)\r\nconnection: close\r\n\r\nyes")
            let dated = "GET /dated HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
            let replaced = try await RawConnection.exchange([dated], with: port)
            #expect(replaced == "HTTP/1.1 200 OK\r\n\(date)\r\nContent-Length: 3\r\nconnection: close\r\n\r\nyes")
        }
    }

    @Test(
        "a body that fails while it is written: the connection ends without a second response, and others are served",
        arguments: [Broken(), HTTPParserError.invalidChunkSize] as [any Error]
    )
    func brokenBody(_ error: any Error) async throws {
        try await serving({ request in
            guard request.uri.path == "/broken" else { return Self.text("whole") }
            return Response(
                status: .ok,
                body: ResponseBody { writer in
                    try await writer.write(ByteBuffer(string: "half"))
                    throw error
                }
            )
        }) { port in
            let broken = try await RawConnection.exchange(["GET /broken HTTP/1.1\r\nHost: h\r\n\r\n"], with: port)
            #expect(broken.hasPrefix("HTTP/1.1 200 OK\r\n"))
            #expect(broken.hasSuffix("\r\n\r\n4\r\nhalf\r\n"))
            let whole = try await RawConnection.exchange([Self.get + "Connection: close\r\n\r\n"], with: port)
            #expect(whole.hasSuffix("\r\n\r\nwhole"))
        }
    }

    @Test("a request that is not HTTP gets 400 with a Date, and the connection ends")
    func malformed() async throws {
        try await serving({ _ in Self.text("never") }) { port in
            let answer = try await RawConnection.exchange(["GET / HTTP/9.x\r\n\r\n"], with: port)
            #expect(answer.hasPrefix("HTTP/1.1 400 Bad Request\r\n"))
            #expect(answer.contains("\r\ndate: Thu, 01 Jan 2026 00:00:00 GMT\r\n"))
        }
    }

    @Test("graceful shutdown: a request in flight gets its response, the connection ends, and the server returns")
    func drain() async throws {
        let (started, start) = AsyncStream.makeStream(of: Void.self)
        let (released, release) = AsyncStream.makeStream(of: Void.self)
        let server = Self.server { _ in
            start.yield()
            for await _ in released { break }
            return Self.text("done")
        }
        let group = ServiceGroup(configuration: .init(services: [.init(service: server)], logger: Self.log))
        let answer = try await withThrowingTaskGroup(of: String?.self) { tasks in
            tasks.addTask {
                try await group.run()
                return nil
            }
            let port = try await server.boundPort()
            tasks.addTask { try await RawConnection.exchange([Self.get + "\r\n"], with: port) }
            for await _ in started { break }
            await group.triggerGracefulShutdown()
            release.yield()
            var answers: [String] = []
            for try await answer in tasks { if let answer { answers.append(answer) } }
            return answers.first
        }
        #expect(answer?.hasPrefix("HTTP/1.1 200 OK\r\n") == true)
        #expect(answer?.hasSuffix("\r\n\r\ndone") == true)
    }

    @Test("a port that is in use: `run` and `boundPort` throw an error that names it")
    func portInUse() async throws {
        try await serving({ _ in Self.text("first") }) { port in
            let second = RESTServer(
                host: "127.0.0.1",
                port: port,
                limits: .standard,
                budget: ListenerBudget(ListenerLimits(descriptors: 4_096)),
                time: ManualTime(),
                logger: Self.log,
                respond: { _, _ in Self.text("second") }
            )
            let fault = await #expect(throws: CannotListen.self) { try await second.run() }
            #expect(fault?.port == port)
            await #expect(throws: CannotListen.self) { try await second.boundPort() }
        }
    }
}
