import NIOCore
import Testing

@testable import MartletREST

@Suite("Request guard")
struct RequestGuardTests {
    static let get = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n"
    static let post = "POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n"
    static let chunked = "POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    static let limits = RequestGuard.Limits(headBytesMax: 100, fieldsMax: 3, ignoredBytesMax: 10)

    /// A guard, and what it decides about bytes.
    private final class Client {
        struct Received: Equatable {
            /// What the parser gets, with a `|` after each request.
            var text = ""
            var refusal: RequestRefusal?
        }

        var requests: RequestGuard

        init(_ limits: RequestGuard.Limits = RequestGuardTests.limits) { requests = RequestGuard(limits) }

        func send(_ bytes: some Sequence<UInt8>) -> Received {
            var rest = ByteBuffer(bytes: bytes)
            var received = Received()
            while true {
                switch requests.next(&rest) {
                case .part(let part, let endsRequest):
                    received.text += String(buffer: part) + (endsRequest ? "|" : "")
                case .more: return received
                case .refuse(let refusal):
                    received.refusal = refusal
                    return received
                }
            }
        }

        func send(_ text: String) -> Received { send(text.utf8) }
    }

    private let client = Client()

    @Test("hands on whole heads, and states where requests end, however reads cut them", arguments: [1, 2, 3, 7, 500])
    func whole(_ size: Int) {
        let text =
            Self.get + Self.post + "hello" + "\r\n" + Self.get + Self.chunked + "5\r\nhello\r\n0\r\n\r\n" + Self.get
        var parsed = ""
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let received = client.send(rest.prefix(size))
            #expect(received.refusal == nil)
            parsed += received.text
            rest = rest.dropFirst(size)
            #expect(client.requests.pendingBytes <= Self.limits.headBytesMax)
        }
        #expect(
            parsed == Self.get + "|" + Self.post + "hello|" + Self.get + "|" + Self.chunked + "5\r\nhello\r\n0\r\n\r\n|"
                + Self.get + "|"
        )
        #expect(client.requests.pendingBytes == 0)
        #expect(client.requests.unfinished == nil)
    }

    @Test(
        "ignores an upgrade: its field is not for the parser",
        arguments: [
            "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n",
            "upgrade: websocket\r\nConnection: upgrade\r\nUPGRADE: TLS/1.2\r\n",
        ]
    )
    func upgrade(_ fields: String) {
        let received = Client(RequestGuard.Limits()).send("GET /a HTTP/1.1\r\nHost: h\r\n\(fields)\r\n" + Self.get)
        #expect(received.refusal == nil)
        let parsed = received.text.split(separator: "|")
        #expect(parsed.count == 2)
        #expect(!parsed[0].lowercased().contains("\r\nupgrade:"))
        #expect(parsed[0].hasPrefix("GET /a HTTP/1.1\r\nHost: h\r\n"))
        #expect(parsed[0].lowercased().contains("\r\nconnection: upgrade"))
        #expect(parsed[0].hasSuffix("\r\n\r\n"))
        #expect(parsed[1] == Self.get)
    }

    @Test("chunk extensions and trailer fields are not for the parser")
    func ignored() {
        let received = Client(RequestGuard.Limits()).send(
            Self.chunked + "005;a=b\r\nhello\r\n0 ; c\r\nX: y\r\n\r\n" + Self.get
        )
        #expect(received.refusal == nil)
        #expect(received.text == Self.chunked + "5\r\nhello\r\n0\r\n\r\n|" + Self.get + "|")
    }

    @Test("chunk extensions and trailer fields at their limit are ignored, one byte more is refused")
    func ignoredLimit() {
        let extended = client.send(Self.chunked + "1;a=3456789\r\nx\r\n0\r\n\r\n")
        #expect(extended.refusal == nil)
        #expect(extended.text.hasSuffix("|"))
        let trailers = client.send(Self.chunked + "0\r\nX: 456789\r\n\r\n")
        #expect(trailers.refusal != nil)
        client.requests = RequestGuard(Self.limits)
        let fits = client.send(Self.chunked + "0\r\nX: 45678\r\n\r\n")
        #expect(fits.refusal == nil)
        let many = client.send(Self.chunked + "1;a=34\r\nx\r\n1;a=345\r\n")
        #expect(many.refusal != nil)
        client.requests = RequestGuard(Self.limits)
        // Without an end of the line.
        #expect(client.send(Self.chunked + "1;" + String(repeating: "a", count: 30)).refusal != nil)
    }

    @Test("a head at the limit is handed on, one byte more is refused, also when it has no end")
    func headLimit() {
        let start = "GET /"
        let end = " HTTP/1.1\r\nHost: h\r\n\r\n"
        let space = Self.limits.headBytesMax - start.utf8.count - end.utf8.count
        let fits = start + String(repeating: "a", count: space) + end
        #expect(client.send(fits).text == fits + "|")
        #expect(
            client.send(start + String(repeating: "a", count: space + 1) + end).refusal == .headTooLong(bytesMax: 100)
        )
        client.requests = RequestGuard(Self.limits)
        for _ in 0..<10 { #expect(client.send(String(repeating: "A", count: 10)).refusal == nil) }
        #expect(client.send("A").refusal == .headTooLong(bytesMax: 100))
        #expect(client.requests.pendingBytes == 0)
    }

    @Test("a head with as many fields as the limit is handed on, one more is refused")
    func fieldsLimit() {
        #expect(client.send("GET / HTTP/1.1\r\nHost: h\r\na: b\r\nc: d\r\n\r\n").refusal == nil)
        #expect(
            client.send("GET / HTTP/1.1\r\nHost: h\r\na: b\r\nc: d\r\ne: f\r\n\r\n").refusal
                == .tooManyFields(fieldsMax: 3)
        )
    }

    @Test("two empty lines may precede a request, a third is refused")
    func emptyLines() {
        #expect(client.send("\r\n\r\n" + Self.get).text == Self.get + "|")
        #expect(client.send("\r\n\r\n\r").refusal == nil)
        #expect(client.send("\n").refusal != nil)
    }

    @Test("another protocol is refused at its first byte", arguments: ["\u{16}", "\n", " ", "\0", "{"])
    func otherProtocol(_ byte: String) { #expect(client.send(byte).refusal == .unreadable) }

    @Test(
        "a chunk that is framed wrongly is refused",
        arguments: [
            "x\r\n", "\r\n", "-1\r\n", "+1\r\n", "0x1\r\n", " 1\r\n", "1 \r\n", "1\n", "1;\r\n", "1;a\u{1}\r\n",
            "1\r\nxyz",
            "1\r\nx\n\n", "1\r\nx0\r\n\r\n", "0\r\n\n", "0\r\n X: y\r\n\r\n",
        ]
    )
    func chunk(_ text: String) { #expect(client.send(Self.chunked + text).refusal == .chunk) }

    @Test("a chunk longer than any limit is refused at once")
    func longChunk() {
        #expect(client.send(Self.chunked + "7fffffffffffffff\r\n").refusal == .bodyTooLong)
        client.requests = RequestGuard(Self.limits)
        #expect(client.send(Self.chunked + "fffffffffffffff\r\n").refusal == nil)
    }

    @Test("keeps nothing and hands on nothing after a refusal, and after the end")
    func ended() {
        #expect(client.send("GET / HTTP/2.0\r\n\r\n").refusal != nil)
        #expect(client.send(Self.get) == Client.Received())
        #expect(client.requests.pendingBytes == 0)
        client.requests = RequestGuard(Self.limits)
        _ = client.send("GET /")
        client.requests.end()
        #expect(client.requests.pendingBytes == 0)
        #expect(client.send(Self.get) == Client.Received())
    }

    @Test("states which request is unfinished, and whether in its head or in its body")
    func unfinished() {
        _ = client.send(Self.get + "\r")
        #expect(client.requests.unfinished == nil)
        _ = client.send("\nP")
        #expect(client.requests.unfinished == RequestGuard.Unfinished(request: 2, isHead: true))
        _ = client.send(String(Self.post.dropFirst()) + "hell")
        #expect(client.requests.unfinished == RequestGuard.Unfinished(request: 2, isHead: false))
        _ = client.send("o" + Self.chunked)
        #expect(client.requests.unfinished == RequestGuard.Unfinished(request: 3, isHead: false))
    }
}
