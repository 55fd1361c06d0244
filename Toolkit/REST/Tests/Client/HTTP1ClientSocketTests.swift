import MartletTesting
import NIOCore
import NIOHTTP1
import Synchronization
import Testing

@testable import MartletREST

@Suite("HTTP/1.1 client", .timeLimit(.minutes(HangLimit.testMinutes)))
struct HTTP1ClientSocketTests {
    private static let limits = HTTP1ClientLimits(
        connectTimeout: HangLimit.wait,
        idleTimeout: HangLimit.wait,
        linger: .milliseconds(100),
        connectionsMax: 1,
        waitersMax: 1
    )

    @discardableResult
    private func withClient<R>(_ body: (HTTP1Client) async throws -> R) async throws -> R {
        let client = HTTP1Client(limits: Self.limits)
        do {
            let result = try await body(client)
            await client.shutdown()
            return result
        } catch {
            await client.shutdown()
            throw error
        }
    }

    /// The status, the header `x-name` and the body of a response, as text.
    private func send(
        _ client: HTTP1Client,
        _ port: Int,
        method: String = "GET",
        target: String = "/",
        timeout: Duration = HangLimit.wait,
        responseBytesMax: Int = 1_000,
        reserve: @escaping @Sendable (Int) -> Bool = { _ in true }
    ) async throws -> String {
        let response = try await client.send(
            HTTP1Client.Request(method: method, target: target, headers: ["accept": "*/*"], body: ByteBuffer()),
            host: "127.0.0.1",
            port: port,
            timeout: timeout,
            responseBytesMax: responseBytesMax,
            reserve: reserve
        )
        let name = response.headers.first(name: "x-name") ?? "-"
        return "\(response.status.code) \(name) \(String(buffer: response.body))"
    }

    @Test("requests use one connection, one after another")
    func reuse() async throws {
        let server = ScriptedServer { request in
            let path = request.split(separator: " ")[1]
            return ScriptedServer.Answer(
                text: "HTTP/1.1 201 Created\r\nX-Name: n\r\nTransfer-Encoding: chunked\r\n\r\n"
                    + "\(path.utf8.count)\r\n\(path)\r\n0\r\n\r\n",
                closes: false
            )
        }
        try await server.run { port in
            try await withClient { client async throws in
                #expect(try await send(client, port, target: "/a") == "201 n /a")
                async let second = send(client, port, target: "/bc")
                async let third = send(client, port, target: "/bc")
                let both = try await [second, third]
                #expect(both == ["201 n /bc", "201 n /bc"])
            }
        }
        #expect(server.connections == 1)
    }

    @Test("sends the target encoded, Host, and Content-Length where the method expects a body")
    func request() async throws {
        let server = ScriptedServer { _ in .ok("") }
        try await server.run { port in
            try await withClient { client async throws in
                var requests = server.requests.makeAsyncIterator()
                _ = try await send(client, port, target: "/a b%20c\r\n?q=ü")
                let get = await requests.next() ?? ""
                #expect(get.hasPrefix("GET /a%20b%20c%0D%0A?q=%C3%BC HTTP/1.1\r\n"))
                #expect(get.contains("\r\nhost: 127.0.0.1:\(port)\r\n"))
                #expect(get.contains("\r\naccept: */*\r\n"))
                #expect(!get.contains("content-length"))

                _ = try await send(client, port, method: "POST")
                let post = await requests.next() ?? ""
                #expect(post.contains("\r\ncontent-length: 0\r\n"))
            }
        }
    }

    @Test("a response to HEAD has no body, and one without a length ends when the peer closes")
    func bodies() async throws {
        let server = ScriptedServer { request in
            request.hasPrefix("HEAD")
                ? ScriptedServer.Answer(text: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", closes: false)
                : ScriptedServer.Answer(text: "HTTP/1.1 200 OK\r\n\r\nhello", closes: true)
        }
        try await server.run { port in
            try await withClient { client async throws in
                #expect(try await send(client, port, method: "HEAD") == "200 - ")
                #expect(try await send(client, port) == "200 - hello")
                #expect(try await send(client, port) == "200 - hello")
            }
        }
        #expect(server.connections == 2)
    }

    @Test("a body at the limit is received, one past it is not")
    func bodyLimit() async throws {
        let server = ScriptedServer { _ in .ok("12345") }
        try await server.run { port in
            try await withClient { client async throws in
                #expect(try await send(client, port, responseBytesMax: 5) == "200 - 12345")
                await #expect(throws: HTTP1ClientError.responseTooLarge(bytesMax: 4)) {
                    try await send(client, port, responseBytesMax: 4)
                }
                #expect(try await send(client, port) == "200 - 12345")
            }
        }
        #expect(server.connections == 2)
    }

    @Test("a body is reserved by its length, or as it arrives; one without space is not received")
    func reserved() async throws {
        let server = ScriptedServer { request in
            if request.contains("/length") { return .ok("12345") }
            let chunks = "3\r\n123\r\n2\r\n45\r\n0\r\n\r\n"
            return ScriptedServer.Answer(
                text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\(chunks)",
                closes: false
            )
        }
        try await server.run { port in
            try await withClient { client async throws in
                for (target, expected) in [("/length", [5]), ("/chunks", [3, 5])] {
                    let totals = Mutex<[Int]>([])
                    let answer = try await send(client, port, target: target) { total in
                        totals.withLock { $0.append(total) }
                        return true
                    }
                    #expect(answer == "200 - 12345")
                    #expect(totals.withLock { $0 } == expected)
                    await #expect(throws: HTTP1ClientError.responseRefused) {
                        try await send(client, port, target: target) { $0 < 5 }
                    }
                    #expect(try await send(client, port, target: target) == "200 - 12345")
                }
            }
        }
        #expect(server.connections == 3)
    }

    @Test("the body of a response to HEAD, or without one by its status, is not reserved")
    func unreserved() async throws {
        let server = ScriptedServer { request in
            let status = request.hasPrefix("HEAD") ? "200 OK" : "304 Not Modified"
            return ScriptedServer.Answer(text: "HTTP/1.1 \(status)\r\nContent-Length: 5\r\n\r\n", closes: false)
        }
        try await server.run { port in
            try await withClient { client async throws in
                #expect(try await send(client, port, method: "HEAD") { _ in false } == "200 - ")
                #expect(try await send(client, port) { _ in false } == "304 - ")
            }
        }
    }

    @Test("no response: the request times out; the next one gets a new connection")
    func timeout() async throws {
        let server = ScriptedServer { request in request.contains("/late") ? nil : .ok("now") }
        try await server.run { port in
            try await withClient { client async throws in
                var next = Duration.milliseconds(20)
                // On a busy machine the first timeouts may fire before the request is sent.
                while server.received == 0 {
                    let timeout = next
                    await #expect(throws: HTTP1ClientError.timedOut) {
                        try await send(client, port, target: "/late", timeout: timeout)
                    }
                    next *= 2
                }
                #expect(try await send(client, port) == "200 - now")
            }
        }
        #expect(server.connections >= 2)
    }

    @Test("a response after the timeout frees its connection for the next request")
    func lateResponse() async throws {
        let server = ScriptedServer { request in
            var answer = ScriptedServer.Answer.ok("late")
            if request.contains("/late") { answer.delay = .milliseconds(500) }
            return answer
        }
        var limits = Self.limits
        limits.linger = HangLimit.wait
        try await server.run { port async throws in
            let client = HTTP1Client(limits: limits)
            var next = Duration.milliseconds(20)
            // On a busy machine the first timeouts may fire before the request is sent.
            while server.received == 0 {
                let timeout = next
                await #expect(throws: HTTP1ClientError.timedOut) {
                    try await send(client, port, target: "/late", timeout: timeout)
                }
                next *= 2
            }
            #expect(try await send(client, port) == "200 - late")
            await client.shutdown()
        }
        #expect(server.connections == 1)
    }

    @Test("a peer that closes or does not send HTTP: the request fails")
    func broken() async throws {
        for text in ["", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", "SSH-2.0-x\r\n\r\n"] {
            let server = ScriptedServer { _ in ScriptedServer.Answer(text: text, closes: true) }
            try await server.run { port in
                try await withClient { client async throws in
                    await #expect(throws: (any Error).self, "\(text)") { try await send(client, port) }
                }
            }
        }
        try await withClient { client async throws in
            // Port 1 is not in use on any test machine.
            await #expect(throws: HTTP1NotSent.self) { try await send(client, 1) }
        }
    }

    @Test(
        "a peer that changes the protocol, or sends more than a head may have: the request fails, the next one is sent anew"
    )
    func hostile() async throws {
        let upgrade = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
        let long = String(repeating: "x", count: HTTP1ClientLimits.standard.headBytesMax + 1)
        for text in [upgrade, upgrade + long, "HTTP/1.1 200 OK\r\nX: \(long)", "HTTP/1.1 200 OK\r\n\(long)"] {
            let server = ScriptedServer { request in
                request.hasPrefix("GET /bad") ? ScriptedServer.Answer(text: text, closes: false) : .ok("now")
            }
            try await server.run { port in
                try await withClient { client async throws in
                    await #expect(throws: (any Error).self) { try await send(client, port, target: "/bad") }
                    #expect(try await send(client, port) == "200 - now")
                }
            }
            #expect(server.connections == 2)
        }
    }

    @Test("requests over the limits fail, and those that wait end with the shutdown")
    func limits() async throws {
        let server = ScriptedServer { _ in nil }
        try await server.run { port in
            let client = HTTP1Client(limits: Self.limits)
            var requests = server.requests.makeAsyncIterator()
            async let open = send(client, port)
            _ = await requests.next()
            // One of them waits, and the other is over the limit; which one is not known.
            let errors = await withTaskGroup(of: HTTP1ClientError?.self) { group in
                for _ in 1...2 {
                    group.addTask {
                        do { _ = try await send(client, port) } catch { return error as? HTTP1ClientError }
                        return nil
                    }
                }
                let first: HTTP1ClientError? = await group.next() ?? nil
                await client.shutdown()
                let second: HTTP1ClientError? = await group.next() ?? nil
                return [first, second]
            }
            #expect(errors == [.overloaded, .shutDown])
            do {
                let response = try await open
                Issue.record("\(response)")
            } catch { #expect(error as? HTTP1ClientError == .connectionClosed) }
            await #expect(throws: HTTP1ClientError.shutDown) { try await send(client, port) }
        }
    }

    @Test("cancelling the caller's task ends the request")
    func cancellation() async throws {
        let server = ScriptedServer { request in request.contains("/late") ? nil : .ok("now") }
        try await server.run { port in
            try await withClient { client async throws in
                var requests = server.requests.makeAsyncIterator()
                await withThrowingTaskGroup(of: String.self) { group in
                    group.addTask { try await send(client, port, target: "/late") }
                    _ = await requests.next()
                    group.cancelAll()
                    let result = await group.nextResult()
                    #expect(throws: CancellationError.self) { try result?.get() }
                }
                #expect(try await send(client, port) == "200 - now")
            }
        }
    }
}
