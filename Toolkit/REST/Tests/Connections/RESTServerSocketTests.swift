import HTTPTypes
import Logging
import MartletCore
import MartletHTTP
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

    private static func server(_ respond: @escaping @Sendable (ServerRequest) async -> ServerResponse) -> RESTServer {
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

    private static func text(_ text: String, headers: HTTPFields = [:]) -> ServerResponse {
        ServerResponse(status: .ok, headers: headers, body: ResponseBody(text.utf8))
    }

    /// Runs `body` with the port of a server that responds with `respond`.
    private func serving(
        _ respond: @escaping @Sendable (ServerRequest) async -> ServerResponse,
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
            Self.text("yes", headers: request.path == "/dated" ? [.date: "Sun, 06 Nov 1994 08:49:37 GMT"] : [:])
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
            guard request.path == "/broken" else { return Self.text("whole") }
            return ServerResponse(
                status: .ok,
                body: ResponseBody(length: nil) { writer in
                    try await writer.write("half".utf8)
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

    @Test(
        "a body that is shorter than its stated length: the connection ends, so that the client does not take it for whole"
    )
    func shortBody() async throws {
        try await serving({ _ in
            ServerResponse(
                status: .ok,
                body: ResponseBody(length: 5) { writer in try await writer.write("half".utf8) }
            )
        }) { port in
            let short = try await RawConnection.exchange([Self.get + "\r\n"], with: port)
            #expect(short.contains("\r\nContent-Length: 5\r\n"))
            #expect(short.hasSuffix("\r\n\r\nhalf"))
        }
    }

    @Test("the body of a request is read in pieces")
    func pieces() async throws {
        let bytes = 300_000
        try await serving({ request in
            var (pieces, sum) = (0, 0)
            do {
                for try await piece in request.body {
                    pieces += 1
                    sum += piece.count
                }
            } catch { return Self.text("\(error)") }
            return Self.text("\(sum) \(pieces > 1)")
        }) { port in
            let head = "POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: \(bytes)\r\n\r\n"
            let answer = try await RawConnection.exchange([head, String(repeating: "x", count: bytes)], with: port)
            #expect(answer.hasSuffix("\r\n\r\n\(bytes) true"))
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
