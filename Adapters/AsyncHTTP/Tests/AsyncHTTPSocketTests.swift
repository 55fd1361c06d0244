import MartletCore
import MartletResilience
import MartletTesting
import NIOCore
import NIOPosix
import Testing

@testable import MartletAsyncHTTP

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

@Suite("Transport by AsyncHTTPClient", .timeLimit(.minutes(HangLimit.testMinutes)))
struct AsyncHTTPSocketTests {
    private static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Kind: a\r\n\r\nhello"

    /// Runs `body` with the port of a server that gives `answer` to each request.
    private func serving(_ answer: String, _ body: (Int) async throws -> Void) async throws {
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(CannedAnswer(answer))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(server.localAddress?.port)
        do { try await body(port) } catch {
            try await server.close()
            throw error
        }
        try await server.close()
    }

    private func send(_ url: String, to address: String?, responseBytesMax: Int = 5) async throws -> OutgoingResponse {
        let request = OutgoingRequest(
            "POST",
            try #require(OutgoingURL(configured: url)),
            headers: [OutgoingHeader("X-Test", "1")],
            body: Array("body".utf8),
            isRepeatable: false
        )
        return try await AsyncHTTPTransport()
            .send(request, to: address, timeout: HangLimit.wait, responseBytesMax: responseBytesMax)
    }

    @Test("returns status, headers and body")
    func exchange() async throws {
        try await serving(Self.ok) { port in
            let response = try await send("http://127.0.0.1:\(port)/a", to: nil)
            #expect(response.status == 200)
            #expect(response.header("x-kind") == "a")
            #expect(response.body == Array("hello".utf8))
        }
    }

    @Test("connects to the address that it is given, whatever the host's name")
    func pinned() async throws {
        try await serving(Self.ok) { port in
            let response = try await send("http://hooks.invalid:\(port)/a", to: "127.0.0.1")
            #expect(response.status == 200)
        }
    }

    @Test("follows no redirect")
    func redirect() async throws {
        let answer = "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
        try await serving(answer) { port in
            let response = try await send("http://127.0.0.1:\(port)/a", to: nil)
            #expect(response.status == 302)
        }
    }

    @Test("refuses a response that is one byte too long")
    func tooLong() async throws {
        try await serving(Self.ok) { port in
            let fault = try await #require(throws: Fault.self) {
                try await send("http://127.0.0.1:\(port)/a", to: nil, responseBytesMax: 4)
            }
            #expect(fault.reason == OutgoingClient.responseTooLarge)
        }
    }

    @Test("a port where nothing listens: the request was not processed")
    func refused() async throws {
        // A port of the system, which no other test listens on.
        let fault = try await #require(throws: Fault.self) { try await send("http://127.0.0.1:1/", to: nil) }
        #expect(fault.isNotProcessed)
    }

    @Test("an address is its own, also in the forms that only the system's resolver reads")
    func address() async throws {
        for host in ["127.0.0.1", "2130706433", "0x7f.1", "0177.0.0.1", "127.1"] {
            #expect(try await AsyncHTTPTransport().addresses(of: host) == ["127.0.0.1"], "\(host)")
        }
        #expect(try await AsyncHTTPTransport().addresses(of: "::1") == ["::1"])
    }

    @Test("a host has each of its addresses, once: the client judges all of them")
    func addresses() throws {
        var (first, second): (UnsafeMutablePointer<addrinfo>?, UnsafeMutablePointer<addrinfo>?) = (nil, nil)
        #expect(getaddrinfo("192.0.2.1", nil, nil, &first) == 0)
        #expect(getaddrinfo("10.0.0.1", nil, nil, &second) == 0)
        var last = try #require(first)
        while let next = last.pointee.ai_next { last = next }
        last.pointee.ai_next = second
        #expect(AsyncHTTPTransport.addresses(in: first) == ["192.0.2.1", "10.0.0.1"])
        last.pointee.ai_next = nil
        freeaddrinfo(first)
        freeaddrinfo(second)
    }
}

/// Answers the first bytes of a connection, and closes it.
private final class CannedAnswer: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let answer: String
    private var received = ""

    init(_ answer: String) { self.answer = answer }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        received += String(buffer: unwrapInboundIn(data))
        guard received.hasSuffix("body") else { return }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: answer)), promise: nil)
    }
}
