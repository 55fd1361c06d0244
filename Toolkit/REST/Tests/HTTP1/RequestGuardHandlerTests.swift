import MartletCore
import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

@testable import MartletREST

@Suite("Connection with a request guard")
struct RequestGuardHandlerTests {
    static let post = "POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n"

    let listener: EmbeddedListener

    init() throws {
        var limits = ConnectionLimits(idle: .seconds(75), drainBytesMax: 100, linger: .seconds(2))
        limits.pipelinedMax = 2
        listener = try EmbeddedListener(limits)
    }

    private static func get(_ target: String, _ fields: String = "") -> String {
        "GET \(target) HTTP/1.1\r\nHost: h\r\n\(fields)\r\n"
    }

    /// The statuses of the responses.
    private static func statuses(_ text: String) -> [String] {
        text.split(separator: "HTTP/1.1 ").map { String($0.prefix(3)) }
    }

    @Test("the request after one with an upgrade is answered on the same connection")
    func upgrade() throws {
        let fields =
            "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n"
        try listener.send(Self.get("/1", fields))
        listener.respond()
        try listener.send(Self.get("/2", fields) + Self.get("/3"))
        listener.respond()
        listener.respond()
        #expect(listener.targets == ["/1", "/2", "/3"])
        #expect(Self.statuses(try listener.received()) == ["200", "200", "200"])
    }

    @Test("while too many requests wait no other one is read; with each response the next is")
    func pipelined() throws {
        try listener.send((1...6).map { Self.get("/\($0)") }.joined())
        #expect(listener.targets == ["/1", "/2"])
        try listener.send(Self.get("/7"))
        #expect(listener.targets == ["/1", "/2"])
        listener.respond()
        #expect(listener.targets == ["/1", "/2", "/3"])
        for _ in 0..<6 { listener.respond() }
        #expect(listener.targets == (1...7).map { "/\($0)" })
        #expect(Self.statuses(try listener.received()) == Array(repeating: "200", count: 7))
    }

    @Test("reads nothing while requests are held")
    func backpressure() throws {
        let reads = Reads()
        try listener.channel.pipeline.syncOperations.addHandler(reads, position: .first)
        try listener.send(Self.get("/1") + Self.get("/2") + Self.get("/3"))
        listener.channel.pipeline.read()
        #expect(reads.count == 0)
        listener.respond()
        #expect(reads.count == 1)
        listener.channel.pipeline.read()
        #expect(reads.count == 2)
    }

    @Test("the end of the client's input comes after the requests before it")
    func heldEnd() throws {
        try listener.send((1...3).map { Self.get("/\($0)") }.joined())
        listener.endInput()
        #expect(listener.endedInputs == 0)
        listener.respond()
        #expect(listener.targets == ["/1", "/2", "/3"])
        #expect(listener.endedInputs == 1)
    }

    @Test("more held bytes than the limit close the connection")
    func heldBytes() throws {
        try listener.send(Self.get("/1") + Self.get("/2") + "GET /3")
        let many = String(repeating: "a", count: 1 << 18)
        try listener.send(many)
        #expect(listener.channel.isActive)
        try listener.send(many)
        #expect(!listener.channel.isActive)
    }

    @Test("a head that does not end in time gets one 408, and the connection closes")
    func slowHead() throws {
        try listener.send("GET / HTTP/1.1\r\n")
        for _ in 0..<19 {
            listener.channel.embeddedEventLoop.advanceTime(by: .seconds(1))
            try listener.send("a")
        }
        #expect(listener.errors == 0)
        listener.channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        #expect(listener.errors == 1)
        // Whatever the layers above write, twice.
        listener.respond(.badRequest)
        listener.respond(.badRequest)
        let answer = try listener.received()
        #expect(Self.statuses(answer) == ["408"])
        #expect(answer.contains("\r\nconnection: close\r\n"))
        #expect(answer.contains(#""reason":"request.too_slow""#))
        #expect(answer.contains("\r\ndate: "))
        #expect(listener.endedInputs == 1)
    }

    @Test("a body that does not end in time is broken: its request fails, with one response")
    func slowBody() throws {
        try listener.send(Self.post)
        for _ in 0..<4 {
            listener.channel.embeddedEventLoop.advanceTime(by: .seconds(18))
            try listener.send("a")
        }
        #expect(listener.errors == 0)
        listener.channel.embeddedEventLoop.advanceTime(by: .seconds(3))
        #expect(listener.errors == 1)
        listener.respond(.gatewayTimeout)
        listener.respond(.badRequest)
        #expect(Self.statuses(try listener.received()) == ["504"])
    }

    @Test("the time of a head begins with its first byte, and ends with its last")
    func time() throws {
        for _ in 0..<3 {
            listener.channel.embeddedEventLoop.advanceTime(by: .seconds(60))
            try listener.send("GET / HTTP/1.1\r\n")
            listener.channel.embeddedEventLoop.advanceTime(by: .seconds(15))
            try listener.send("Host: h\r\n\r\n")
            listener.respond()
        }
        #expect(Self.statuses(try listener.received()) == ["200", "200", "200"])
        #expect(listener.errors == 0)
    }

    @Test("a refused request is answered in its turn, and nothing after it is read")
    func refused() throws {
        try listener.send(Self.get("/1") + "GET /2 HTTP/1.1\r\n\r\n" + Self.get("/3"))
        #expect(listener.targets == ["/1"])
        #expect(listener.errors == 1)
        listener.respond()
        listener.respond(.badRequest)
        let answer = try listener.received()
        #expect(Self.statuses(answer) == ["200", "400"])
        #expect(answer.hasSuffix("}"))
        #expect(answer.contains(#""detail":"Host: is required""#))
    }

    @Test("a body that proves to be broken after its response: the input ends, without a second response")
    func brokenAfterResponse() throws {
        try listener.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n")
        listener.respond(.notFound)
        try listener.send("zz\r\n")
        #expect(listener.errors == 0)
        #expect(listener.endedInputs == 1)
        listener.respond(.badRequest)
        #expect(Self.statuses(try listener.received()) == ["404"])
    }

    @Test("a body that is broken before its response: its request fails, and the response closes the connection")
    func brokenBeforeResponse() throws {
        try listener.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
        #expect(listener.errors == 1)
        listener.respond(.notFound)
        listener.respond(.badRequest)
        let answer = try listener.received()
        #expect(Self.statuses(answer) == ["404"])
        #expect(answer.contains("\r\nconnection: close\r\n"))
    }

    @Test("a truncated body is broken: its request fails")
    func truncated() throws {
        try listener.send(Self.post + "hell")
        listener.endInput()
        #expect(listener.errors == 1)
        listener.respond(.badRequest)
        #expect(Self.statuses(try listener.received()) == ["400"])
    }

    @Test("a truncated head is refused")
    func truncatedHead() throws {
        try listener.send("GET / HTT")
        listener.endInput()
        #expect(listener.errors == 1)
        listener.respond(.badRequest)
        #expect(try listener.received().contains(#""detail":"head: is truncated""#))
    }

    @Test("what follows the last request is dropped, and closes the connection when it is too much")
    func dropped() throws {
        try listener.send(Self.get("/1", "Connection: close\r\n") + Self.get("/2"))
        try listener.send(String(repeating: "a", count: 100))
        #expect(listener.channel.isActive)
        listener.respond()
        #expect(listener.targets == ["/1"])
        #expect(listener.errors == 0)
        #expect(Self.statuses(try listener.received()) == ["200"])
        try listener.send("a")
        #expect(!listener.channel.isActive)
    }
}

private final class Reads: ChannelOutboundHandler {
    typealias OutboundIn = IOData

    private(set) var count = 0

    func read(context: ChannelHandlerContext) {
        count += 1
        context.read()
    }
}
